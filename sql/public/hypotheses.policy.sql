alter table public.hypotheses enable row level security;
alter table public.hypotheses force row level security;

drop policy if exists hypotheses_owner on public.hypotheses;
create policy hypotheses_owner on public.hypotheses
  to desk_owner using (true) with check (true);

drop policy if exists hypotheses_reader on public.hypotheses;
create policy hypotheses_reader on public.hypotheses for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists hypotheses_office on public.hypotheses;
create policy hypotheses_office on public.hypotheses for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists hypotheses_member on public.hypotheses;
create policy hypotheses_member on public.hypotheses for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
