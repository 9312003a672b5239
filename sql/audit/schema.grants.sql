grant usage on schema audit
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;
