-- Keys are `<account>/<reach>`, so that a batch over several accounts keeps them apart.
create or replace function risk.recent_rates(p_items jsonb, p_reaches text[]) returns jsonb
language sql stable as $$
  select coalesce(jsonb_object_agg(a.account_id || '/' || u.reach, (
           select count(*)
             from public.intents n
             left join public.accounts c on c.account_id = n.account_id
            where n.created_at > clock_timestamp() - interval '1 minute'
              and n.authorized_quantity is not null
              and case u.reach
                    when 'account' then n.org_id = a.org_id and n.account_id = a.account_id
                    when 'organization' then n.org_id = a.org_id
                    when 'venue' then c.venue_id = a.venue_id
                    else true end)), '{}')
    from public.accounts a
    cross join unnest(p_reaches) as u(reach)
   where a.account_id in (select x.account_id
                            from jsonb_to_recordset(p_items) as x(account_id text))
$$;
comment on function risk.recent_rates(jsonb, text[]) is
  'Intents authorised in the last minute, by account and by each wider scope around it. Internal.';
