create or replace function bus.deliver_row(
  p_agent text, p_kind text, p_row_id uuid, p_ordering_key text, p_org_id text,
  p_correlation_id uuid, p_ttl_ms int)
returns void
language sql security definer set search_path = '' as $$
  insert into bus.deliveries
    (agent, shard, ordering_key, msg_id, row_kind, correlation_id, org_id, expires_at, created_at)
  values
    (p_agent, bus.shard_of(p_ordering_key), p_ordering_key, p_row_id, p_kind, p_correlation_id,
     p_org_id, clock_timestamp() + p_ttl_ms * interval '1 millisecond', clock_timestamp())
$$;
comment on function bus.deliver_row(text, text, uuid, text, text, uuid, int) is
  'Hand a row born in SQL to the agent that announces and signs it. Internal: called by procedures.';
