alter table public.alert_outcomes enable row level security;
alter table public.alert_outcomes force row level security;

drop policy if exists alert_outcomes_owner on public.alert_outcomes;
create policy alert_outcomes_owner on public.alert_outcomes
  to desk_owner using (true) with check (true);

drop policy if exists alert_outcomes_reader on public.alert_outcomes;
create policy alert_outcomes_reader on public.alert_outcomes for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists alert_outcomes_office on public.alert_outcomes;
create policy alert_outcomes_office on public.alert_outcomes for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists alert_outcomes_member on public.alert_outcomes;
create policy alert_outcomes_member on public.alert_outcomes for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
