alter table public.strategies enable row level security;
alter table public.strategies force row level security;

drop policy if exists strategies_owner on public.strategies;
create policy strategies_owner on public.strategies
  to desk_owner using (true) with check (true);

drop policy if exists strategies_reader on public.strategies;
create policy strategies_reader on public.strategies for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists strategies_office on public.strategies;
create policy strategies_office on public.strategies for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists strategies_member on public.strategies;
create policy strategies_member on public.strategies for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
