create or replace function risk.lock_budgets(p_items jsonb, p_reaches text[]) returns void
language plpgsql as $$
begin
  -- A wide budget is locked only if the pack limits it: otherwise accounts never meet.
  perform pg_advisory_xact_lock(hashtextextended('risk.budget/' || w.key, 0))
     from (select distinct r.nr, r.reach || '/' || case r.reach
                    when 'platform' then '*' when 'organization' then a.org_id
                    else a.venue_id end as key
             from jsonb_to_recordset(p_items) as x(account_id text)
             join public.accounts a on a.account_id = x.account_id
             join unnest(p_reaches) with ordinality as u(reach, position) on true
             join (values (1, 'platform'), (2, 'organization'), (3, 'venue')) as r(nr, reach)
               on r.reach = u.reach
            order by 1, 2) w;
  perform from risk.account_state s
    where s.account_id in (select x.account_id
                             from jsonb_to_recordset(p_items) as x(account_id text))
    order by s.account_id
      for update;
end $$;
comment on function risk.lock_budgets(jsonb, text[]) is
  'Lock the budgets that a batch of intents spends, in one order for everyone. Internal.';
