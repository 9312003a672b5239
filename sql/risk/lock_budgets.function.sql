create or replace function risk.lock_budgets(p_accounts text[], p_reaches text[]) returns void
language plpgsql as $$
begin
  -- A wide budget is locked only if the pack limits it: otherwise accounts never meet.
  if cardinality(p_reaches) > 1 then
    perform pg_advisory_xact_lock(hashtextextended('risk.budget/' || w.key, 0))
       from (select distinct r.nr, r.reach || '/' || case r.reach
                      when 'platform' then '*' when 'organization' then a.org_id
                      else a.venue_id end as key
               from public.accounts a
               join (values (1, 'platform'), (2, 'organization'), (3, 'venue')) as r(nr, reach)
                 on r.reach = any (p_reaches)
              where a.account_id = any (p_accounts)
              order by 1, 2) w;
  end if;
  perform from risk.account_state s
    where s.account_id = any (p_accounts)
    order by s.account_id
      for update;
end $$;
comment on function risk.lock_budgets(text[], text[]) is
  'Lock the budgets that a batch of intents spends, in one order for everyone. Internal.';
