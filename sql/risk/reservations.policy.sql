alter table risk.reservations enable row level security;
alter table risk.reservations force row level security;

drop policy if exists reservations_owner on risk.reservations;
create policy reservations_owner on risk.reservations
  to desk_owner using (true) with check (true);

drop policy if exists reservations_reader on risk.reservations;
create policy reservations_reader on risk.reservations for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists reservations_office on risk.reservations;
create policy reservations_office on risk.reservations for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists reservations_member on risk.reservations;
create policy reservations_member on risk.reservations for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.accounts p where p.account_id = reservations.account_id));
