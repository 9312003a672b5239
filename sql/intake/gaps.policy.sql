alter table intake.gaps enable row level security;
alter table intake.gaps force row level security;

drop policy if exists gaps_owner on intake.gaps;
create policy gaps_owner on intake.gaps
  to desk_owner using (true) with check (true);

drop policy if exists gaps_reader on intake.gaps;
create policy gaps_reader on intake.gaps for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists gaps_office on intake.gaps;
create policy gaps_office on intake.gaps for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists gaps_member on intake.gaps;
create policy gaps_member on intake.gaps for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
