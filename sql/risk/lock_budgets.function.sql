-- Advisory locks, not the accounts' rows: authorisations of one account follow one another, and
-- nobody else waits for them. What others write to those rows (a fill's money, the venue's
-- equity) needs no lock against an authorisation: it reads positions and reservations in one
-- statement, a fill that commits after that only turns what was reserved into a position, and
-- what is released after that was still counted. Whoever comes later finds both committed.
create or replace function risk.lock_budgets(p_accounts text[], p_reaches text[]) returns void
language plpgsql as $$
declare
  v_today date := (clock_timestamp() at time zone 'utc')::date;
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
  perform pg_advisory_xact_lock(hashtextextended('risk.budget/account/' || k.account_id, 0))
     from (select distinct u.account_id from unnest(p_accounts) as u(account_id)
            where u.account_id is not null order by 1) k;
  -- Once a day: what the account was worth when the day began.
  if exists (select from risk.account_state s
              where s.account_id = any (p_accounts) and s.day < v_today) then
    perform from risk.account_state s
      where s.account_id = any (p_accounts)
      order by s.account_id
        for update;
    update risk.account_state s
       set day = v_today, day_start_equity = s.equity, realized_today = 0
     where s.account_id = any (p_accounts) and s.day < v_today;
  end if;
end $$;
comment on function risk.lock_budgets(text[], text[]) is
  'Lock the budgets that a batch of intents spends, in one order for everyone, and begin the day of its accounts. Internal.';
