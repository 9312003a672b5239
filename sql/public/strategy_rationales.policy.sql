alter table public.strategy_rationales enable row level security;
alter table public.strategy_rationales force row level security;

drop policy if exists strategy_rationales_owner on public.strategy_rationales;
create policy strategy_rationales_owner on public.strategy_rationales
  to desk_owner using (true) with check (true);

drop policy if exists strategy_rationales_reader on public.strategy_rationales;
create policy strategy_rationales_reader on public.strategy_rationales for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists strategy_rationales_office on public.strategy_rationales;
create policy strategy_rationales_office on public.strategy_rationales for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists strategy_rationales_member on public.strategy_rationales;
create policy strategy_rationales_member on public.strategy_rationales for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
