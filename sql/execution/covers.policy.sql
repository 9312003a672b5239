alter table execution.covers enable row level security;
alter table execution.covers force row level security;

drop policy if exists covers_owner on execution.covers;
create policy covers_owner on execution.covers
  to desk_owner using (true) with check (true);

drop policy if exists covers_reader on execution.covers;
create policy covers_reader on execution.covers for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists covers_office on execution.covers;
create policy covers_office on execution.covers for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists covers_member on execution.covers;
create policy covers_member on execution.covers for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
