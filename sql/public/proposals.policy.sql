alter table public.proposals enable row level security;
alter table public.proposals force row level security;

drop policy if exists proposals_owner on public.proposals;
create policy proposals_owner on public.proposals
  to desk_owner using (true) with check (true);

drop policy if exists proposals_reader on public.proposals;
create policy proposals_reader on public.proposals for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists proposals_office on public.proposals;
create policy proposals_office on public.proposals for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists proposals_member on public.proposals;
create policy proposals_member on public.proposals for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
