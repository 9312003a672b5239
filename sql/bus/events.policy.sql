alter table bus.events enable row level security;
alter table bus.events force row level security;

drop policy if exists events_owner on bus.events;
create policy events_owner on bus.events
  to desk_owner using (true) with check (true);

drop policy if exists events_reader on bus.events;
create policy events_reader on bus.events for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists events_office on bus.events;
create policy events_office on bus.events for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists events_member on bus.events;
create policy events_member on bus.events for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
