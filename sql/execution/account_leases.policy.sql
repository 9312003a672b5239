alter table execution.account_leases enable row level security;
alter table execution.account_leases force row level security;

drop policy if exists account_leases_owner on execution.account_leases;
create policy account_leases_owner on execution.account_leases
  to desk_owner using (true) with check (true);

drop policy if exists account_leases_reader on execution.account_leases;
create policy account_leases_reader on execution.account_leases for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists account_leases_office on execution.account_leases;
create policy account_leases_office on execution.account_leases for select
  to desk_operator
  using ((select ops.reads_everything()));

drop policy if exists account_leases_member on execution.account_leases;
create policy account_leases_member on execution.account_leases for select
  to desk_operator
  using (exists (select from public.accounts p where p.account_id = account_leases.account_id));
