alter table governance.voters enable row level security;
alter table governance.voters force row level security;

drop policy if exists voters_owner on governance.voters;
create policy voters_owner on governance.voters
  to desk_owner using (true) with check (true);

drop policy if exists voters_reader on governance.voters;
create policy voters_reader on governance.voters for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists voters_office on governance.voters;
create policy voters_office on governance.voters for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists voters_member on governance.voters;
create policy voters_member on governance.voters for select
  to treasury_operator, auditor, desk_operator
  using (kind = 'persona' or org_id = any ((select ops.readable_organizations())::text[]));
