alter table treasury.states enable row level security;
alter table treasury.states force row level security;

drop policy if exists states_owner on treasury.states;
create policy states_owner on treasury.states
  to desk_owner using (true) with check (true);

drop policy if exists states_reader on treasury.states;
create policy states_reader on treasury.states for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists states_office on treasury.states;
create policy states_office on treasury.states for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists states_member on treasury.states;
create policy states_member on treasury.states for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
