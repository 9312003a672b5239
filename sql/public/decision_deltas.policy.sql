alter table public.decision_deltas enable row level security;
alter table public.decision_deltas force row level security;

drop policy if exists decision_deltas_owner on public.decision_deltas;
create policy decision_deltas_owner on public.decision_deltas
  to desk_owner using (true) with check (true);

drop policy if exists decision_deltas_reader on public.decision_deltas;
create policy decision_deltas_reader on public.decision_deltas for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists decision_deltas_office on public.decision_deltas;
create policy decision_deltas_office on public.decision_deltas for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists decision_deltas_member on public.decision_deltas;
create policy decision_deltas_member on public.decision_deltas for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
