alter table risk.measurements enable row level security;
alter table risk.measurements force row level security;

drop policy if exists measurements_owner on risk.measurements;
create policy measurements_owner on risk.measurements
  to desk_owner using (true) with check (true);

drop policy if exists measurements_reader on risk.measurements;
create policy measurements_reader on risk.measurements for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists measurements_office on risk.measurements;
create policy measurements_office on risk.measurements for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists measurements_member on risk.measurements;
create policy measurements_member on risk.measurements for select
  to treasury_operator, auditor, desk_operator
  using (measurements.scope in ('venue', 'instrument')
         or measurements.scope = 'account' and exists (
           select from public.accounts p where p.account_id = measurements.scope_id)
         or measurements.scope = 'strategy' and exists (
           select from public.strategies p where p.strategy_id = measurements.scope_id));
