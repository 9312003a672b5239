alter table execution.slices enable row level security;
alter table execution.slices force row level security;

drop policy if exists slices_owner on execution.slices;
create policy slices_owner on execution.slices
  to desk_owner using (true) with check (true);

drop policy if exists slices_reader on execution.slices;
create policy slices_reader on execution.slices for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists slices_office on execution.slices;
create policy slices_office on execution.slices for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists slices_member on execution.slices;
create policy slices_member on execution.slices for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
