alter table public.opportunities enable row level security;
alter table public.opportunities force row level security;

drop policy if exists opportunities_owner on public.opportunities;
create policy opportunities_owner on public.opportunities
  to desk_owner using (true) with check (true);

drop policy if exists opportunities_reader on public.opportunities;
create policy opportunities_reader on public.opportunities for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists opportunities_office on public.opportunities;
create policy opportunities_office on public.opportunities for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists opportunities_member on public.opportunities;
create policy opportunities_member on public.opportunities for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
