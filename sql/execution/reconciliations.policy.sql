alter table execution.reconciliations enable row level security;
alter table execution.reconciliations force row level security;

drop policy if exists reconciliations_owner on execution.reconciliations;
create policy reconciliations_owner on execution.reconciliations
  to desk_owner using (true) with check (true);

drop policy if exists reconciliations_reader on execution.reconciliations;
create policy reconciliations_reader on execution.reconciliations for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists reconciliations_office on execution.reconciliations;
create policy reconciliations_office on execution.reconciliations for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists reconciliations_member on execution.reconciliations;
create policy reconciliations_member on execution.reconciliations for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
