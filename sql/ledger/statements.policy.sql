alter table ledger.statements enable row level security;
alter table ledger.statements force row level security;

drop policy if exists statements_owner on ledger.statements;
create policy statements_owner on ledger.statements
  to desk_owner using (true) with check (true);

drop policy if exists statements_reader on ledger.statements;
create policy statements_reader on ledger.statements for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists statements_office on ledger.statements;
create policy statements_office on ledger.statements for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists statements_member on ledger.statements;
create policy statements_member on ledger.statements for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
