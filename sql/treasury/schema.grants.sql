grant usage on schema treasury
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

-- The books, cut by organisation.
grant select
  on treasury.balances, treasury.instructions, treasury.states
  to desk_reader, auditor, desk_operator, treasury_operator;
