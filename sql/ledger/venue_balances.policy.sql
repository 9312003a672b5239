alter table ledger.venue_balances enable row level security;
alter table ledger.venue_balances force row level security;

drop policy if exists venue_balances_owner on ledger.venue_balances;
create policy venue_balances_owner on ledger.venue_balances
  to desk_owner using (true) with check (true);

drop policy if exists venue_balances_reader on ledger.venue_balances;
create policy venue_balances_reader on ledger.venue_balances for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists venue_balances_office on ledger.venue_balances;
create policy venue_balances_office on ledger.venue_balances for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists venue_balances_member on ledger.venue_balances;
create policy venue_balances_member on ledger.venue_balances for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
