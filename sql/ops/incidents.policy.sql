alter table ops.incidents enable row level security;
alter table ops.incidents force row level security;

drop policy if exists incidents_owner on ops.incidents;
create policy incidents_owner on ops.incidents
  to desk_owner using (true) with check (true);

drop policy if exists incidents_reader on ops.incidents;
create policy incidents_reader on ops.incidents for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists incidents_office on ops.incidents;
create policy incidents_office on ops.incidents for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

-- The desk's own troubles are everyone's; an account's are for those who may see the account.
drop policy if exists incidents_member on ops.incidents;
create policy incidents_member on ops.incidents for select
  to treasury_operator, auditor, desk_operator
  using ((detail ->> 'account_id' is null
          or exists (select from public.accounts p
                      where p.account_id = incidents.detail ->> 'account_id'))
         and (detail ->> 'org_id' is null
              or detail ->> 'org_id' = any ((select ops.readable_organizations())::text[])));
