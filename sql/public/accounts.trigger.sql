create or replace trigger accounts_open_state
  after insert on public.accounts
  for each row execute function risk.open_account_state();

create or replace trigger accounts_open_books
  after insert on public.accounts
  for each row execute function ledger.post_opening();

create or replace trigger accounts_live_by_vote
  before insert or update of mode on public.accounts
  for each row execute function governance.guard_live();
