alter table intake.readings enable row level security;
alter table intake.readings force row level security;

drop policy if exists readings_owner on intake.readings;
create policy readings_owner on intake.readings
  to desk_owner using (true) with check (true);

drop policy if exists readings_reader on intake.readings;
create policy readings_reader on intake.readings for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists readings_office on intake.readings;
create policy readings_office on intake.readings for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists readings_member on intake.readings;
create policy readings_member on intake.readings for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
