alter table public.accounts enable row level security;
alter table public.accounts force row level security;

drop policy if exists accounts_owner on public.accounts;
create policy accounts_owner on public.accounts
  to desk_owner using (true) with check (true);

drop policy if exists accounts_reader on public.accounts;
create policy accounts_reader on public.accounts for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists accounts_office on public.accounts;
create policy accounts_office on public.accounts for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists accounts_member on public.accounts;
create policy accounts_member on public.accounts for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
