alter table intake.sources enable row level security;
alter table intake.sources force row level security;

drop policy if exists sources_owner on intake.sources;
create policy sources_owner on intake.sources
  to desk_owner using (true) with check (true);

drop policy if exists sources_reader on intake.sources;
create policy sources_reader on intake.sources for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists sources_office on intake.sources;
create policy sources_office on intake.sources for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists sources_member on intake.sources;
create policy sources_member on intake.sources for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
