alter table public.precedents enable row level security;
alter table public.precedents force row level security;

drop policy if exists precedents_owner on public.precedents;
create policy precedents_owner on public.precedents
  to desk_owner using (true) with check (true);

drop policy if exists precedents_reader on public.precedents;
create policy precedents_reader on public.precedents for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists precedents_office on public.precedents;
create policy precedents_office on public.precedents for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists precedents_member on public.precedents;
create policy precedents_member on public.precedents for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));

grant select on public.precedents to desk_reader, auditor, desk_operator, treasury_operator;
