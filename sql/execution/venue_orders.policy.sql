alter table execution.venue_orders enable row level security;
alter table execution.venue_orders force row level security;

drop policy if exists venue_orders_owner on execution.venue_orders;
create policy venue_orders_owner on execution.venue_orders
  to desk_owner using (true) with check (true);

drop policy if exists venue_orders_reader on execution.venue_orders;
create policy venue_orders_reader on execution.venue_orders for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists venue_orders_office on execution.venue_orders;
create policy venue_orders_office on execution.venue_orders for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists venue_orders_member on execution.venue_orders;
create policy venue_orders_member on execution.venue_orders for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
