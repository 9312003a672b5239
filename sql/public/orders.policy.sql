alter table public.orders enable row level security;
alter table public.orders force row level security;

drop policy if exists orders_owner on public.orders;
create policy orders_owner on public.orders
  to desk_owner using (true) with check (true);

drop policy if exists orders_reader on public.orders;
create policy orders_reader on public.orders for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists orders_office on public.orders;
create policy orders_office on public.orders for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists orders_member on public.orders;
create policy orders_member on public.orders for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
