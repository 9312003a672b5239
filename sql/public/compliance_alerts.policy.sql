alter table public.compliance_alerts enable row level security;
alter table public.compliance_alerts force row level security;

drop policy if exists compliance_alerts_owner on public.compliance_alerts;
create policy compliance_alerts_owner on public.compliance_alerts
  to desk_owner using (true) with check (true);

drop policy if exists compliance_alerts_reader on public.compliance_alerts;
create policy compliance_alerts_reader on public.compliance_alerts for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists compliance_alerts_office on public.compliance_alerts;
create policy compliance_alerts_office on public.compliance_alerts for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists compliance_alerts_member on public.compliance_alerts;
create policy compliance_alerts_member on public.compliance_alerts for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
