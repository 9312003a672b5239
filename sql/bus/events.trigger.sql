create or replace trigger events_stays
  before update or delete on bus.events
  for each row execute function ops.refuse_change();

create or replace trigger events_stays_whole
  before truncate on bus.events
  for each statement execute function ops.refuse_change();
