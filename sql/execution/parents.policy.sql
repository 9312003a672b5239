alter table execution.parents enable row level security;
alter table execution.parents force row level security;

drop policy if exists parents_owner on execution.parents;
create policy parents_owner on execution.parents
  to desk_owner using (true) with check (true);

drop policy if exists parents_reader on execution.parents;
create policy parents_reader on execution.parents for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists parents_office on execution.parents;
create policy parents_office on execution.parents for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists parents_member on execution.parents;
create policy parents_member on execution.parents for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
