-- Counted by the second as they are authorised, so that asking costs the same at any rate. The
-- second that is a minute old counts whole: an order too many rather than one too few.
create or replace function risk.recent_rates(p_accounts text[], p_reaches text[]) returns jsonb
language plpgsql stable as $$
declare
  v_since timestamptz := date_trunc('second', clock_timestamp() - interval '1 minute');
begin
  if cardinality(p_reaches) = 1 then
    return (
      select jsonb_object_agg(a.account_id, jsonb_build_object('account', coalesce((
               select sum(r.authorized) from risk.order_rates r
                where r.account_id = a.account_id and r.second >= v_since), 0)))
        from unnest(p_accounts) as a(account_id)
       where a.account_id is not null);
  end if;
  return (
    with recent as materialized (
      select c.org_id, c.venue_id, c.account_id, c.mode = 'shadow' as shadow,
             sum(r.authorized) as n
        from risk.order_rates r
        join public.accounts c on c.account_id = r.account_id
       where r.second >= v_since
       group by c.account_id
    )
    select coalesce(jsonb_object_agg(a.account_id, (
             select jsonb_object_agg(u.reach, (
                      select coalesce(sum(r.n), 0) from recent r
                       where r.shadow = (a.mode = 'shadow') and case u.reach
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
