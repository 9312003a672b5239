-- Counts for the search: procedures alone read them.
alter table intake.precedent_groups enable row level security;
alter table intake.precedent_groups force row level security;

drop policy if exists precedent_groups_owner on intake.precedent_groups;
create policy precedent_groups_owner on intake.precedent_groups
  to desk_owner using (true) with check (true);
