create or replace trigger signals_raw_stays
  before update or delete on public.signals_raw
  for each row execute function ops.refuse_change();

create or replace trigger signals_raw_stays_whole
  before truncate on public.signals_raw
  for each statement execute function ops.refuse_change();
