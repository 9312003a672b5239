alter table public.order_events enable row level security;
alter table public.order_events force row level security;

drop policy if exists order_events_owner on public.order_events;
create policy order_events_owner on public.order_events
  to desk_owner using (true) with check (true);

drop policy if exists order_events_reader on public.order_events;
create policy order_events_reader on public.order_events for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists order_events_office on public.order_events;
create policy order_events_office on public.order_events for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists order_events_member on public.order_events;
create policy order_events_member on public.order_events for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.orders p where p.order_id = order_events.order_id));
