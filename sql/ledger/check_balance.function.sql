create or replace function ledger.check_balance() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from ledger.entries e
              where e.transaction_id = new.transaction_id
              group by e.currency having sum(e.amount) <> 0) then
    raise exception 'transaction % does not balance', new.transaction_id using errcode = 'TR422';
  end if;
  return null;
end $$;
comment on function ledger.check_balance() is
  'Constraint trigger of the ledger, at the commit: each transaction sums to zero in each currency. TR422: it does not.';
