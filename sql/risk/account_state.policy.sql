alter table risk.account_state enable row level security;
alter table risk.account_state force row level security;

drop policy if exists account_state_owner on risk.account_state;
create policy account_state_owner on risk.account_state
  to desk_owner using (true) with check (true);

drop policy if exists account_state_reader on risk.account_state;
create policy account_state_reader on risk.account_state for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists account_state_office on risk.account_state;
create policy account_state_office on risk.account_state for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists account_state_member on risk.account_state;
create policy account_state_member on risk.account_state for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.accounts p where p.account_id = account_state.account_id));
