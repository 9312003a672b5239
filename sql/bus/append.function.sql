create or replace function bus.append(p_agent text, p_messages jsonb) returns text[]
language plpgsql security definer set search_path = '' as $$
declare
  v_fault text;
  v_wake text[];
begin
  with e as materialized (
    select x.*,
           case
             when x.sender is distinct from 'agent.' || p_agent or p.type is null then 'TR107'
             when k.key_id is null then 'TR104'
             when k.revoked_at <= now() or k.valid_from > now() or k.valid_until <= now()
               then 'TR105'
             when x.created_at > now() + interval '1 minute' then 'TR106'
           end as fault
      from rows from (jsonb_to_recordset(p_messages) as (
             msg_id uuid, type text, version text, correlation_id uuid, causation_id uuid,
             ttl_ms int, sender text, intent text, idempotency_key text, org_id text,
             ordering_key text, created_at timestamptz, payload jsonb, key_id text, sig text))
           with ordinality as x(
             msg_id, type, version, correlation_id, causation_id, ttl_ms, sender, intent,
             idempotency_key, org_id, ordering_key, created_at, payload, key_id, sig, nr)
      left join bus.publications p on p.agent = p_agent and p.type = x.type
      left join bus.agent_keys k on k.key_id = x.key_id and k.agent = p_agent
  ), keys as (
    -- A key seen before means that this was published before: publishing is idempotent.
    insert into bus.message_keys (msg_id, sender, idempotency_key, published_at)
    select e.msg_id, e.sender, e.idempotency_key, clock_timestamp()
      from e where e.fault is null order by e.nr
    on conflict do nothing
    returning msg_id
  ), stored as (
    insert into bus.events
      (msg_id, type, version, correlation_id, causation_id, ttl_ms, sender, intent,
       idempotency_key, org_id, ordering_key, created_at, payload, key_id, sig, published_at)
    select e.msg_id, e.type, e.version, e.correlation_id, e.causation_id, e.ttl_ms, e.sender,
           e.intent, e.idempotency_key, e.org_id, e.ordering_key, e.created_at, e.payload,
           e.key_id, e.sig, clock_timestamp()
      from e join keys using (msg_id) order by e.nr
    returning msg_id, type, correlation_id, org_id, ordering_key, created_at, ttl_ms,
              published_at, seq
  ), delivered as (
    insert into bus.deliveries
      (agent, shard, ordering_key, msg_id, event_published_at, event_seq, correlation_id,
       org_id, expires_at, created_at)
    select s.agent, bus.shard_of(e.ordering_key), e.ordering_key, e.msg_id, e.published_at,
           e.seq, e.correlation_id, e.org_id,
           e.created_at + e.ttl_ms * interval '1 millisecond', e.created_at
      from stored e join bus.subscriptions s on s.type = e.type
     order by e.seq
    returning agent
  )
  select (select max(e.fault) from e), (select array_agg(distinct d.agent) from delivered d)
    into v_fault, v_wake;
  if v_fault is not null then
    -- Raising takes back what the statement stored of the others.
    raise exception 'message of % refused', p_agent using errcode = v_fault;
  end if;
  return coalesce(v_wake, '{}');
end $$;
comment on function bus.append(text, jsonb) is
  'Store signed messages and fan them out. TR104: unknown key. TR105: key not valid now. '
  'TR106: from the future. TR107: not this sender''s to publish. Internal: no role may call it.';
