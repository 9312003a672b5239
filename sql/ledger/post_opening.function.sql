create or replace function ledger.post_opening() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- What an account began with: its venue's balance before anything was traded here.
  if new.starting_balance <> 0 then
    perform ledger.post_movement(
      gen_random_uuid(), 'deposit', new.account_id, new.currency, new.starting_balance,
      clock_timestamp(), 'opening balance', clock_timestamp());
  end if;
  return null;
end $$;
comment on function ledger.post_opening() is
  'Trigger of accounts: the books begin with the starting balance.';
