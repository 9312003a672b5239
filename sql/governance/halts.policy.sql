alter table governance.halts enable row level security;
alter table governance.halts force row level security;

drop policy if exists halts_owner on governance.halts;
create policy halts_owner on governance.halts
  to desk_owner using (true) with check (true);

drop policy if exists halts_reader on governance.halts;
create policy halts_reader on governance.halts for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists halts_office on governance.halts;
create policy halts_office on governance.halts for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists halts_member on governance.halts;
create policy halts_member on governance.halts for select
  to treasury_operator, auditor, desk_operator
  using (scope in ('platform', 'venue', 'instrument')
         or scope = 'organization'
            and scope_id = any ((select ops.readable_organizations())::text[])
         or scope = 'account' and exists (
           select from public.accounts p where p.account_id = halts.scope_id)
         or scope = 'strategy' and exists (
           select from public.strategies p where p.strategy_id = halts.scope_id));
