alter table risk.budget_slices enable row level security;
alter table risk.budget_slices force row level security;

drop policy if exists budget_slices_owner on risk.budget_slices;
create policy budget_slices_owner on risk.budget_slices
  to desk_owner using (true) with check (true);

drop policy if exists budget_slices_reader on risk.budget_slices;
create policy budget_slices_reader on risk.budget_slices for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists budget_slices_office on risk.budget_slices;
create policy budget_slices_office on risk.budget_slices for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists budget_slices_member on risk.budget_slices;
create policy budget_slices_member on risk.budget_slices for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.accounts p where p.account_id = budget_slices.account_id));
