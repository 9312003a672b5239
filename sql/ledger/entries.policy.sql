alter table ledger.entries enable row level security;
alter table ledger.entries force row level security;

drop policy if exists entries_owner on ledger.entries;
create policy entries_owner on ledger.entries
  to desk_owner using (true) with check (true);

drop policy if exists entries_reader on ledger.entries;
create policy entries_reader on ledger.entries for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists entries_office on ledger.entries;
create policy entries_office on ledger.entries for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists entries_member on ledger.entries;
create policy entries_member on ledger.entries for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
