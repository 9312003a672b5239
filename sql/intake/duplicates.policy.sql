alter table intake.duplicates enable row level security;
alter table intake.duplicates force row level security;

drop policy if exists duplicates_owner on intake.duplicates;
create policy duplicates_owner on intake.duplicates
  to desk_owner using (true) with check (true);

drop policy if exists duplicates_reader on intake.duplicates;
create policy duplicates_reader on intake.duplicates for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists duplicates_office on intake.duplicates;
create policy duplicates_office on intake.duplicates for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists duplicates_member on intake.duplicates;
create policy duplicates_member on intake.duplicates for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.signals_raw p where p.alert_id = duplicates.alert_id));
