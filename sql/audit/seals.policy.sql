-- Seals name rows of every organisation: not for people behind the API.
alter table audit.seals enable row level security;
alter table audit.seals force row level security;

drop policy if exists seals_owner on audit.seals;
create policy seals_owner on audit.seals
  to desk_owner using (true) with check (true);

drop policy if exists seals_reader on audit.seals;
create policy seals_reader on audit.seals for select
  to desk_reader using (true);

drop policy if exists seals_office on audit.seals;
create policy seals_office on audit.seals for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));
