create or replace trigger entries_stays
  before update or delete on ledger.entries
  for each row execute function ops.refuse_change();

create or replace trigger entries_stays_whole
  before truncate on ledger.entries
  for each statement execute function ops.refuse_change();

-- Every statement leaves every transaction balanced: sooner than a deferred constraint would
-- say so, and once for a whole batch.
drop trigger if exists entries_balance on ledger.entries;
create trigger entries_balance
  after insert on ledger.entries
  referencing new table as posted
  for each statement execute function ledger.check_balance();
