create or replace trigger strategy_rationales_stays
  before update or delete on public.strategy_rationales
  for each row execute function ops.refuse_change();

create or replace trigger strategy_rationales_stays_whole
  before truncate on public.strategy_rationales
  for each statement execute function ops.refuse_change();
