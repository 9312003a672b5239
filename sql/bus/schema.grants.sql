grant usage on schema bus
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

-- The record of what was said, and what was given up.
grant select
  on bus.events, bus.dead_letters, bus.agents, bus.subscriptions, bus.publications,
     bus.agent_keys
  to desk_reader, auditor, desk_operator;

-- Work in hand, with every organisation in it: for the demo's reader and the console's figures.
grant select
  on bus.message_keys, bus.deliveries, bus.parked_keys, bus.workers, bus.shard_leases,
     bus.refused
  to desk_reader;
