create or replace function bus.public_keys() returns table (
  key_id text, agent text, public_key bytea, valid_from timestamptz, valid_until timestamptz,
  revoked_at timestamptz)
language sql stable security definer set search_path = '' as $$
  select k.key_id, k.agent, k.public_key, k.valid_from, k.valid_until, k.revoked_at
    from bus.agent_keys k
$$;
comment on function bus.public_keys() is 'The key registry, as receivers verify against it.';
grant execute on function bus.public_keys() to desk_agents, desk_operator, desk_sealer, auditor;
