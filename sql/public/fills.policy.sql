alter table public.fills enable row level security;
alter table public.fills force row level security;

drop policy if exists fills_owner on public.fills;
create policy fills_owner on public.fills
  to desk_owner using (true) with check (true);

drop policy if exists fills_reader on public.fills;
create policy fills_reader on public.fills for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists fills_office on public.fills;
create policy fills_office on public.fills for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists fills_member on public.fills;
create policy fills_member on public.fills for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
