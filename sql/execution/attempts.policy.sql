alter table execution.attempts enable row level security;
alter table execution.attempts force row level security;

drop policy if exists attempts_owner on execution.attempts;
create policy attempts_owner on execution.attempts
  to desk_owner using (true) with check (true);

drop policy if exists attempts_reader on execution.attempts;
create policy attempts_reader on execution.attempts for select
  to desk_reader using (true);

-- Whoever is registered without an organisation; behind the API everyone belongs to one.
drop policy if exists attempts_office on execution.attempts;
create policy attempts_office on execution.attempts for select
  to auditor, desk_operator
  using ((select ops.reads_everything()));

drop policy if exists attempts_member on execution.attempts;
create policy attempts_member on execution.attempts for select
  to treasury_operator, auditor, desk_operator
  using (exists (select from public.orders p where p.order_id = attempts.order_id));
