alter table treasury.instructions enable row level security;
alter table treasury.instructions force row level security;

drop policy if exists instructions_owner on treasury.instructions;
create policy instructions_owner on treasury.instructions
  to desk_owner using (true) with check (true);

drop policy if exists instructions_reader on treasury.instructions;
create policy instructions_reader on treasury.instructions for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists instructions_office on treasury.instructions;
create policy instructions_office on treasury.instructions for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists instructions_member on treasury.instructions;
create policy instructions_member on treasury.instructions for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
