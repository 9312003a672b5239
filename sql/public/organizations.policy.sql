alter table public.organizations enable row level security;
alter table public.organizations force row level security;

drop policy if exists organizations_owner on public.organizations;
create policy organizations_owner on public.organizations
  to desk_owner using (true) with check (true);

drop policy if exists organizations_reader on public.organizations;
create policy organizations_reader on public.organizations for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists organizations_office on public.organizations;
create policy organizations_office on public.organizations for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists organizations_member on public.organizations;
create policy organizations_member on public.organizations for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
