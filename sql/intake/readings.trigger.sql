create or replace trigger readings_stays
  before update or delete on intake.readings
  for each row execute function ops.refuse_change();

create or replace trigger readings_stays_whole
  before truncate on intake.readings
  for each statement execute function ops.refuse_change();
