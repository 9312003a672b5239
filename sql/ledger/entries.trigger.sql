create or replace trigger entries_stays
  before update or delete on ledger.entries
  for each row execute function ops.refuse_change();

create or replace trigger entries_stays_whole
  before truncate on ledger.entries
  for each statement execute function ops.refuse_change();

-- A constraint trigger cannot be replaced.
drop trigger if exists entries_balance on ledger.entries;
create constraint trigger entries_balance
  after insert on ledger.entries
  deferrable initially deferred
  for each row execute function ledger.check_balance();
