create or replace trigger fills_stays
  before update or delete on public.fills
  for each row execute function ops.refuse_change();

create or replace trigger fills_stays_whole
  before truncate on public.fills
  for each statement execute function ops.refuse_change();
