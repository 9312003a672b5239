grant usage on schema governance
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

-- Who may vote, by which rules, and what is halted.
grant select
  on governance.voters, governance.quorum_rules, governance.halts, governance.halt_causes,
     governance.halt_acknowledgements
  to desk_reader, auditor, desk_operator, treasury_operator;
