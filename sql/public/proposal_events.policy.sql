alter table public.proposal_events enable row level security;
alter table public.proposal_events force row level security;

drop policy if exists proposal_events_owner on public.proposal_events;
create policy proposal_events_owner on public.proposal_events
  to desk_owner using (true) with check (true);

drop policy if exists proposal_events_reader on public.proposal_events;
create policy proposal_events_reader on public.proposal_events for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists proposal_events_office on public.proposal_events;
create policy proposal_events_office on public.proposal_events for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists proposal_events_member on public.proposal_events;
create policy proposal_events_member on public.proposal_events for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.proposals p where p.proposal_id = proposal_events.proposal_id));
