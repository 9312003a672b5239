create or replace trigger halts_stay
  before update or delete on governance.halts
  for each row execute function governance.guard_halt();
