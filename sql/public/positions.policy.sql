alter table public.positions enable row level security;
alter table public.positions force row level security;

drop policy if exists positions_owner on public.positions;
create policy positions_owner on public.positions
  to desk_owner using (true) with check (true);

drop policy if exists positions_reader on public.positions;
create policy positions_reader on public.positions for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists positions_office on public.positions;
create policy positions_office on public.positions for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists positions_member on public.positions;
create policy positions_member on public.positions for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
