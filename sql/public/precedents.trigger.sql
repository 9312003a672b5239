create or replace trigger precedents_counted
  after insert on public.precedents
  referencing new table as added
  for each statement execute function intake.count_precedents();

-- A record of what happened: nobody changes an outcome. Old ones may be dropped as a table only.
create or replace trigger precedents_stays
  before update or delete on public.precedents
  for each row execute function ops.refuse_change();

create or replace trigger precedents_records
  after insert on public.precedents
  referencing new table as fresh
  for each statement execute function risk.count_outcomes();
