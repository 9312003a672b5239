alter table execution.venue_cash enable row level security;
alter table execution.venue_cash force row level security;

drop policy if exists venue_cash_owner on execution.venue_cash;
create policy venue_cash_owner on execution.venue_cash
  to desk_owner using (true) with check (true);

drop policy if exists venue_cash_reader on execution.venue_cash;
create policy venue_cash_reader on execution.venue_cash for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists venue_cash_office on execution.venue_cash;
create policy venue_cash_office on execution.venue_cash for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists venue_cash_member on execution.venue_cash;
create policy venue_cash_member on execution.venue_cash for select
  to treasury_operator, auditor, desk_operator
  using (org_id = any ((select ops.readable_organizations())::text[]));
