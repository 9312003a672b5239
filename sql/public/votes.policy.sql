alter table public.votes enable row level security;
alter table public.votes force row level security;

drop policy if exists votes_owner on public.votes;
create policy votes_owner on public.votes
  to desk_owner using (true) with check (true);

drop policy if exists votes_reader on public.votes;
create policy votes_reader on public.votes for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists votes_office on public.votes;
create policy votes_office on public.votes for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists votes_member on public.votes;
create policy votes_member on public.votes for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.proposals p where p.proposal_id = votes.proposal_id));
