alter table public.intents enable row level security;
alter table public.intents force row level security;

drop policy if exists intents_owner on public.intents;
create policy intents_owner on public.intents
  to desk_owner using (true) with check (true);

drop policy if exists intents_reader on public.intents;
create policy intents_reader on public.intents for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists intents_office on public.intents;
create policy intents_office on public.intents for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists intents_member on public.intents;
create policy intents_member on public.intents for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
