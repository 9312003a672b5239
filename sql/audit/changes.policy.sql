alter table audit.changes enable row level security;
alter table audit.changes force row level security;

drop policy if exists changes_owner on audit.changes;
create policy changes_owner on audit.changes
  to desk_owner using (true) with check (true);

drop policy if exists changes_reader on audit.changes;
create policy changes_reader on audit.changes for select
  to desk_reader using (true);

drop policy if exists changes_office on audit.changes;
create policy changes_office on audit.changes for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists changes_member on audit.changes;
create policy changes_member on audit.changes for select
  to treasury_operator, auditor, desk_operator
  -- These name no organisation and may be about another's account: see governance.halts.
  using (org_id is null and table_name not in ('governance.halts', 'risk.cooldowns')
         or org_id = any ((select ops.readable_organizations())::text[]));
