alter table governance.halt_acknowledgements enable row level security;
alter table governance.halt_acknowledgements force row level security;

drop policy if exists halt_acknowledgements_owner on governance.halt_acknowledgements;
create policy halt_acknowledgements_owner on governance.halt_acknowledgements
  to desk_owner using (true) with check (true);

drop policy if exists halt_acknowledgements_reader on governance.halt_acknowledgements;
create policy halt_acknowledgements_reader on governance.halt_acknowledgements for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists halt_acknowledgements_office on governance.halt_acknowledgements;
create policy halt_acknowledgements_office on governance.halt_acknowledgements for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists halt_acknowledgements_member on governance.halt_acknowledgements;
create policy halt_acknowledgements_member on governance.halt_acknowledgements for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from governance.halts g where g.halt_id = halt_acknowledgements.halt_id));
