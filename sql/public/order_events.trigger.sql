create or replace trigger order_events_stays
  before update or delete on public.order_events
  for each row execute function ops.refuse_change();

create or replace trigger order_events_stays_whole
  before truncate on public.order_events
  for each statement execute function ops.refuse_change();
