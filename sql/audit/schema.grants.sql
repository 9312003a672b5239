grant usage on schema audit
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

grant select
  on audit.changes, audit.retired_partitions, audit.forms, audit.seal_keys, audit.seals,
     audit.segments
  to desk_reader, auditor, desk_operator;
grant select on audit.changes to treasury_operator;
