-- The personas that vote. People are registered by name, each with a login of their own.
insert into governance.voters (voter, kind, role_name, persona, display_name, org_id, state)
values
  ('strategy_analyst_agent', 'persona', 'strategy_analyst_agent', 'strategy_analyst',
   'Strategy Analyst', null, 'active'),
  ('execution_overseer_agent', 'persona', 'execution_overseer_agent', 'execution_overseer',
   'Execution Overseer', null, 'active'),
  ('risk_sentinel_agent', 'persona', 'risk_sentinel_agent', 'risk_sentinel',
   'Risk Sentinel', null, 'active'),
  ('compliance_agent', 'persona', 'compliance_agent', 'compliance', 'Compliance', null, 'active')
on conflict (voter) do nothing;
