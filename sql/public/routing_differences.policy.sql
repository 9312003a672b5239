alter table public.routing_differences enable row level security;
alter table public.routing_differences force row level security;

drop policy if exists routing_differences_owner on public.routing_differences;
create policy routing_differences_owner on public.routing_differences
  to desk_owner using (true) with check (true);

drop policy if exists routing_differences_reader on public.routing_differences;
create policy routing_differences_reader on public.routing_differences for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists routing_differences_office on public.routing_differences;
create policy routing_differences_office on public.routing_differences for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists routing_differences_member on public.routing_differences;
create policy routing_differences_member on public.routing_differences for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
