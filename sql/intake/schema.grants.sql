grant usage on schema intake
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

-- Repeated posts, cut by the alert's organisation.
grant select
  on intake.duplicates
  to desk_reader, auditor, desk_operator;

-- Keys of alerts.
grant select
  on intake.alert_keys
  to desk_reader;

-- The hashes of tokens and secrets are for the procedures.
grant select (source_id, org_id, strategy_id, state, rate_per_minute, max_age_ms, created_at,
              revoked_at, allowed_addresses)
  on intake.sources
  to desk_reader, auditor, desk_operator;

-- What was read after the answer, and which numbers are missing, cut by organisation.
grant select
  on intake.readings, intake.gaps
  to desk_reader, auditor, desk_operator, treasury_operator;
