alter table public.decision_traces enable row level security;
alter table public.decision_traces force row level security;

drop policy if exists decision_traces_owner on public.decision_traces;
create policy decision_traces_owner on public.decision_traces
  to desk_owner using (true) with check (true);

drop policy if exists decision_traces_reader on public.decision_traces;
create policy decision_traces_reader on public.decision_traces for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists decision_traces_office on public.decision_traces;
create policy decision_traces_office on public.decision_traces for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists decision_traces_member on public.decision_traces;
create policy decision_traces_member on public.decision_traces for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
