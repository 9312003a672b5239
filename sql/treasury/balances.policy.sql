alter table treasury.balances enable row level security;
alter table treasury.balances force row level security;

drop policy if exists balances_owner on treasury.balances;
create policy balances_owner on treasury.balances
  to desk_owner using (true) with check (true);

drop policy if exists balances_reader on treasury.balances;
create policy balances_reader on treasury.balances for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists balances_office on treasury.balances;
create policy balances_office on treasury.balances for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists balances_member on treasury.balances;
create policy balances_member on treasury.balances for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
