create or replace trigger decision_traces_stays
  before update or delete on public.decision_traces
  for each row execute function ops.refuse_change();

create or replace trigger decision_traces_stays_whole
  before truncate on public.decision_traces
  for each statement execute function ops.refuse_change();
