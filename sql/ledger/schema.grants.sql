grant usage on schema ledger
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

-- The books, cut by organisation.
grant select
  on ledger.entries, ledger.statements, ledger.venue_balances
  to desk_reader, auditor, desk_operator, treasury_operator;
