grant usage on schema risk
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

-- Policies and limits are no secret.
grant select
  on risk.policies, risk.limits
  to desk_reader, auditor, desk_operator, treasury_operator;

-- Budgets, cut by the account's organisation.
grant select
  on risk.reservations, risk.account_state
  to desk_reader, auditor, desk_operator, treasury_operator;
