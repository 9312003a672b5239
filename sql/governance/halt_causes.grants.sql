-- For what the desk halts itself, and whose word is enough to halt. Lifting takes the quorum.
insert into governance.halt_causes as held (cause, callers, cancel_working_orders, why)
values
  ('loss_limit', '{risk_sentinel_agent}', true,
   'a loss limit is breached, or a figure to judge it by is missing'),
  ('reconciliation', '{execution_agent,supervisor_agent,auditor,desk_operator}', false,
   'ledger and venue differ in a way that nobody can explain'),
  ('policy_mismatch', '{risk_sentinel_agent,supervisor_agent,auditor,desk_operator}', true,
   'the limits in force are not those of the pack that was approved'),
  ('audit_failure', '{supervisor_agent,auditor,desk_operator}', true,
   'a record was altered, removed or inserted'),
  ('connectivity', '{supervisor_agent,desk_operator}', false,
   'a venue does not answer, so what stands there cannot be told')
on conflict (cause) do update
   set callers = excluded.callers, cancel_working_orders = excluded.cancel_working_orders,
       why = excluded.why
 where (held.callers, held.cancel_working_orders, held.why)
       is distinct from (excluded.callers, excluded.cancel_working_orders, excluded.why);
