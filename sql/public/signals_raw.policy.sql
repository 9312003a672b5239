alter table public.signals_raw enable row level security;
alter table public.signals_raw force row level security;

drop policy if exists signals_raw_owner on public.signals_raw;
create policy signals_raw_owner on public.signals_raw
  to desk_owner using (true) with check (true);

drop policy if exists signals_raw_reader on public.signals_raw;
create policy signals_raw_reader on public.signals_raw for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists signals_raw_office on public.signals_raw;
create policy signals_raw_office on public.signals_raw for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists signals_raw_member on public.signals_raw;
create policy signals_raw_member on public.signals_raw for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
