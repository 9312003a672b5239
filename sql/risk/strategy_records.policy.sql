alter table risk.strategy_records enable row level security;
alter table risk.strategy_records force row level security;

drop policy if exists strategy_records_owner on risk.strategy_records;
create policy strategy_records_owner on risk.strategy_records
  to desk_owner using (true) with check (true);

drop policy if exists strategy_records_reader on risk.strategy_records;
create policy strategy_records_reader on risk.strategy_records for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists strategy_records_office on risk.strategy_records;
create policy strategy_records_office on risk.strategy_records for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists strategy_records_member on risk.strategy_records;
create policy strategy_records_member on risk.strategy_records for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.strategies p
                  where p.strategy_id = strategy_records.strategy_id));
