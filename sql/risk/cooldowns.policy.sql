alter table risk.cooldowns enable row level security;
alter table risk.cooldowns force row level security;

drop policy if exists cooldowns_owner on risk.cooldowns;
create policy cooldowns_owner on risk.cooldowns
  to desk_owner using (true) with check (true);

drop policy if exists cooldowns_reader on risk.cooldowns;
create policy cooldowns_reader on risk.cooldowns for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists cooldowns_office on risk.cooldowns;
create policy cooldowns_office on risk.cooldowns for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists cooldowns_member on risk.cooldowns;
create policy cooldowns_member on risk.cooldowns for select
  to treasury_operator, auditor, desk_operator
  using (cooldowns.scope = 'venue'
         or cooldowns.scope = 'strategy' and exists (
           select from public.strategies p where p.strategy_id = cooldowns.scope_id));
