alter table risk.order_rates enable row level security;
alter table risk.order_rates force row level security;

drop policy if exists order_rates_owner on risk.order_rates;
create policy order_rates_owner on risk.order_rates
  to desk_owner using (true) with check (true);

drop policy if exists order_rates_reader on risk.order_rates;
create policy order_rates_reader on risk.order_rates for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists order_rates_office on risk.order_rates;
create policy order_rates_office on risk.order_rates for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists order_rates_member on risk.order_rates;
create policy order_rates_member on risk.order_rates for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.accounts p where p.account_id = order_rates.account_id));
