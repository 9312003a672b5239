grant usage on schema risk
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

-- Policies and limits are no secret.
grant select
  on risk.policies, risk.limits, risk.policy_changes, risk.scenarios,
     risk.news_events, risk.volatilities
  to desk_reader, auditor, desk_operator, treasury_operator;

-- Budgets, cut by the account's organisation.
grant select
  on risk.reservations, risk.account_state, risk.measurements, risk.cooldowns
  to desk_reader, auditor, desk_operator, treasury_operator;
