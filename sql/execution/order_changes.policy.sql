alter table execution.order_changes enable row level security;
alter table execution.order_changes force row level security;

drop policy if exists order_changes_owner on execution.order_changes;
create policy order_changes_owner on execution.order_changes
  to desk_owner using (true) with check (true);

drop policy if exists order_changes_reader on execution.order_changes;
create policy order_changes_reader on execution.order_changes for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists order_changes_office on execution.order_changes;
create policy order_changes_office on execution.order_changes for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists order_changes_member on execution.order_changes;
create policy order_changes_member on execution.order_changes for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
