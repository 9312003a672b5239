alter table public.shadow_comparisons enable row level security;
alter table public.shadow_comparisons force row level security;

drop policy if exists shadow_comparisons_owner on public.shadow_comparisons;
create policy shadow_comparisons_owner on public.shadow_comparisons
  to desk_owner using (true) with check (true);

drop policy if exists shadow_comparisons_reader on public.shadow_comparisons;
create policy shadow_comparisons_reader on public.shadow_comparisons for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists shadow_comparisons_office on public.shadow_comparisons;
create policy shadow_comparisons_office on public.shadow_comparisons for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists shadow_comparisons_member on public.shadow_comparisons;
create policy shadow_comparisons_member on public.shadow_comparisons for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
