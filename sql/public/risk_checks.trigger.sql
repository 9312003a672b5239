create or replace trigger risk_checks_stays
  before update or delete on public.risk_checks
  for each row execute function ops.refuse_change();

create or replace trigger risk_checks_stays_whole
  before truncate on public.risk_checks
  for each statement execute function ops.refuse_change();
