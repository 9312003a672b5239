alter table bus.dead_letters enable row level security;
alter table bus.dead_letters force row level security;

drop policy if exists dead_letters_owner on bus.dead_letters;
create policy dead_letters_owner on bus.dead_letters
  to desk_owner using (true) with check (true);

drop policy if exists dead_letters_reader on bus.dead_letters;
create policy dead_letters_reader on bus.dead_letters for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists dead_letters_office on bus.dead_letters;
create policy dead_letters_office on bus.dead_letters for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists dead_letters_member on bus.dead_letters;
create policy dead_letters_member on bus.dead_letters for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
