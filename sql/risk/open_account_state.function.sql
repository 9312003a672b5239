create or replace function risk.open_account_state() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- An account that trades has the row that authorising locks, from its first moment.
  insert into risk.account_state
    (account_id, equity, peak_equity, day, day_start_equity, realized_today, as_of)
  values (new.account_id, new.starting_balance, new.starting_balance,
          (clock_timestamp() at time zone 'utc')::date, new.starting_balance, 0,
          clock_timestamp())
  on conflict (account_id) do nothing;
  return new;
end $$;
comment on function risk.open_account_state() is
  'Trigger: an account begins with its starting balance as equity, peak and start of the day.';
