grant usage on schema ops
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

-- How the desk does; tokens and replies stay with the procedures.
grant select
  on ops.incidents, ops.feature_flags, ops.desired_agents, ops.job_runs, ops.retention, ops.routines,
     ops.alembic_version
  to desk_reader, desk_operator;

-- Troubles, cut by organisation: what stands uncovered is one of them.
grant select on ops.incidents to treasury_operator, auditor;
