alter table public.report_snapshots enable row level security;
alter table public.report_snapshots force row level security;

drop policy if exists report_snapshots_owner on public.report_snapshots;
create policy report_snapshots_owner on public.report_snapshots
  to desk_owner using (true) with check (true);

drop policy if exists report_snapshots_reader on public.report_snapshots;
create policy report_snapshots_reader on public.report_snapshots for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists report_snapshots_office on public.report_snapshots;
create policy report_snapshots_office on public.report_snapshots for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists report_snapshots_member on public.report_snapshots;
create policy report_snapshots_member on public.report_snapshots for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
