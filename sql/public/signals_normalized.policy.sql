alter table public.signals_normalized enable row level security;
alter table public.signals_normalized force row level security;

drop policy if exists signals_normalized_owner on public.signals_normalized;
create policy signals_normalized_owner on public.signals_normalized
  to desk_owner using (true) with check (true);

drop policy if exists signals_normalized_reader on public.signals_normalized;
create policy signals_normalized_reader on public.signals_normalized for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists signals_normalized_office on public.signals_normalized;
create policy signals_normalized_office on public.signals_normalized for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists signals_normalized_member on public.signals_normalized;
create policy signals_normalized_member on public.signals_normalized for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
