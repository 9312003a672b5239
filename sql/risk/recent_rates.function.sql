create or replace function risk.recent_rates(p_accounts text[], p_reaches text[]) returns jsonb
language plpgsql stable as $$
declare
  v_since timestamptz := clock_timestamp() - interval '1 minute';
  v_wide boolean := cardinality(p_reaches) > 1;
begin
  return (
    with recent as materialized (
      -- By organisation, because that is how intents are indexed: history must cost nothing.
      select g.org_id, c.venue_id, m.account_id, m.n
        from public.organizations g
        cross join lateral (
          select i.account_id, count(*) as n
            from public.intents i
           where i.org_id = g.org_id and i.created_at > v_since
             and i.authorized_quantity is not null
             and (v_wide or i.account_id = any (p_accounts))
           group by i.account_id) m
        join public.accounts c on c.account_id = m.account_id
    )
    select coalesce(jsonb_object_agg(a.account_id, (
             select jsonb_object_agg(u.reach, (
                      select coalesce(sum(r.n), 0) from recent r
                       where case u.reach
                               when 'account' then r.account_id = a.account_id
                               when 'organization' then r.org_id = a.org_id
                               when 'venue' then r.venue_id = a.venue_id
                               else true end))
               from unnest(p_reaches) as u(reach))), '{}')
      from public.accounts a
     where a.account_id = any (p_accounts));
end $$;
comment on function risk.recent_rates(text[], text[]) is
  'Intents authorised in the last minute, by account and by each wider scope around it. Internal.';
