grant usage on schema execution
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

-- The order state machine and how venues do.
grant select
  on execution.order_transitions, execution.venue_health
  to desk_reader, auditor, desk_operator, treasury_operator;

-- What was asked of working orders.
grant select
  on execution.order_changes
  to desk_reader, auditor, desk_operator, treasury_operator;

-- Calls to venues, cut by the order's organisation.
grant select
  on execution.attempts
  to desk_reader, auditor, desk_operator;

-- Who is the bridge.
grant select
  on execution.account_leases
  to desk_reader, desk_operator;

-- Comparing the books with the venues, cut by organisation.
grant select
  on execution.reconciliations, execution.venue_orders, execution.venue_cash
  to desk_reader, auditor, desk_operator, treasury_operator;

-- Tries at covering residuals, cut by organisation.
grant select
  on execution.covers
  to desk_reader, auditor, desk_operator, treasury_operator;

-- Orders worked over time and why each child went, cut by organisation.
grant select
  on execution.parents, execution.slices
  to desk_reader, auditor, desk_operator, treasury_operator;

-- What is usually traded when.
grant select
  on execution.volume_curves
  to desk_reader;

-- What orders slip by, how long venues take, and what they are believed to cost.
grant select
  on execution.slippage_models, execution.latency_baselines, execution.venue_models
  to desk_reader, auditor, desk_operator;
