create or replace function ledger.check_balance() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_transaction uuid;
begin
  -- Whole transactions, not only what this statement added to them.
  select t.transaction_id into v_transaction
    from (select distinct p.transaction_id from posted p) t
   cross join lateral (
     select from ledger.entries e
      where e.transaction_id = t.transaction_id
      group by e.currency having sum(e.amount) <> 0 offset 0) w
   limit 1;
  if found then
    raise exception 'transaction % does not balance', v_transaction using errcode = 'TR422';
  end if;
  return null;
end $$;
comment on function ledger.check_balance() is
  'Trigger of the ledger, once per statement: each transaction sums to zero in each currency. TR422: it does not.';
