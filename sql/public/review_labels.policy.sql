alter table public.review_labels enable row level security;
alter table public.review_labels force row level security;

drop policy if exists review_labels_owner on public.review_labels;
create policy review_labels_owner on public.review_labels
  to desk_owner using (true) with check (true);

drop policy if exists review_labels_reader on public.review_labels;
create policy review_labels_reader on public.review_labels for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists review_labels_office on public.review_labels;
create policy review_labels_office on public.review_labels for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists review_labels_member on public.review_labels;
create policy review_labels_member on public.review_labels for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));

grant select on public.review_labels to desk_reader, auditor, desk_operator, treasury_operator;
