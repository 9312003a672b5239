-- Advisory locks, not the accounts' rows: authorisations of one account follow one another, and
-- nobody else waits for them. What others write to those rows (a fill's money, the venue's
-- equity) needs no lock against an authorisation: it reads positions and reservations in one
-- statement, a fill that commits after that only turns what was reserved into a position, and
-- what is released after that was still counted. Whoever comes later finds both committed.
create or replace function risk.lock_budgets(p_accounts text[], p_wide text[], p_shared boolean)
returns void
language plpgsql as $$
declare
  v_today date := (clock_timestamp() at time zone 'utc')::date;
begin
  -- A wide budget is locked only if the pack limits it: otherwise accounts never meet. Shared by
  -- whoever keeps to slices of it, whole by whoever counts all of it.
  if p_wide is not null then
    perform case when p_shared then pg_advisory_xact_lock_shared(w.key)
                 else pg_advisory_xact_lock(w.key) end
       from (select hashtextextended('risk.budget/' || b.reach || '/' || b.of, 0) as key
               from (select distinct r.nr, r.reach, case r.reach
                              when 'platform' then '*' when 'organization' then a.org_id
                              else a.venue_id end as of
                       from public.accounts a
                       join (values (1, 'platform'), (2, 'organization'), (3, 'venue'))
                              as r(nr, reach) on r.reach = any (p_wide)
                      where a.account_id = any (p_accounts)) b
              order by b.nr, b.of) w;
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
comment on function risk.lock_budgets(text[], text[], boolean) is
  'Lock the budgets that a batch of intents spends, in one order for everyone, and begin the day of its accounts. Internal.';
