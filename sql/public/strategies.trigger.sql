create or replace trigger strategies_live_by_vote
  before insert or update of mode on public.strategies
  for each row execute function governance.guard_live();
