alter table public.risk_checks enable row level security;
alter table public.risk_checks force row level security;

drop policy if exists risk_checks_owner on public.risk_checks;
create policy risk_checks_owner on public.risk_checks
  to desk_owner using (true) with check (true);

drop policy if exists risk_checks_reader on public.risk_checks;
create policy risk_checks_reader on public.risk_checks for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists risk_checks_office on public.risk_checks;
create policy risk_checks_office on public.risk_checks for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists risk_checks_member on public.risk_checks;
create policy risk_checks_member on public.risk_checks for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.intents p where p.intent_id = risk_checks.intent_id));
