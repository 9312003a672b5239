-- As the seals that they belong to.
alter table audit.segments enable row level security;
alter table audit.segments force row level security;

drop policy if exists segments_owner on audit.segments;
create policy segments_owner on audit.segments
  to desk_owner using (true) with check (true);

drop policy if exists segments_reader on audit.segments;
create policy segments_reader on audit.segments for select
  to desk_reader using (true);

drop policy if exists segments_office on audit.segments;
create policy segments_office on audit.segments for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));
