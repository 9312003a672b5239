alter table public.review_queue enable row level security;
alter table public.review_queue force row level security;

drop policy if exists review_queue_owner on public.review_queue;
create policy review_queue_owner on public.review_queue
  to desk_owner using (true) with check (true);

drop policy if exists review_queue_reader on public.review_queue;
create policy review_queue_reader on public.review_queue for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists review_queue_office on public.review_queue;
create policy review_queue_office on public.review_queue for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists review_queue_member on public.review_queue;
create policy review_queue_member on public.review_queue for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
