create or replace function bus.append(
  p_agent text, p_messages jsonb, p_worker_id uuid, p_peers jsonb)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_fault text;
  v_wake jsonb;
  v_handed jsonb;
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
  ), peer as materialized (
    -- Hearers in the sender's own process, which need not fetch what it just wrote.
    select w.agent, w.worker_id
      from bus.workers me
      join bus.workers w on w.process_id = me.process_id
      join jsonb_each_text(p_peers) x(agent, worker_id)
        on x.agent = w.agent and x.worker_id = w.worker_id::text
     where me.worker_id = p_worker_id and me.agent = p_agent
  ), due as materialized (
    select e.*, s.agent, h.shard, l.worker_id, l.epoch
      from stored e
      join bus.subscriptions s on s.type = e.type
      cross join lateral (select bus.shard_of(e.ordering_key) as shard) h
      left join peer p on p.agent = s.agent
      left join bus.shard_leases l
        on l.agent = s.agent and l.shard = h.shard and l.worker_id = p.worker_id
       -- Nothing of this key may be overtaken: not what waits, nor what failed and is parked.
       and not exists (select from bus.deliveries d
                        where d.agent = s.agent and d.ordering_key = e.ordering_key
                          and (d.lease_token is distinct from l.worker_id
                               or d.lease_epoch < l.epoch))
  ), delivered as (
    -- What a peer is handed is leased to it from birth: claimed and fenced like any other.
    insert into bus.deliveries
      (agent, shard, ordering_key, msg_id, event_published_at, event_seq, correlation_id,
       org_id, expires_at, created_at, lease_token, lease_epoch, attempts)
    select e.agent, e.shard, e.ordering_key, e.msg_id, e.published_at, e.seq,
           e.correlation_id, e.org_id, e.created_at + e.ttl_ms * interval '1 millisecond',
           e.created_at, e.worker_id, e.epoch, case when e.worker_id is null then 0 else 1 end
      from due e
     order by e.seq
    returning agent, delivery_id, msg_id, lease_token
  )
  select (select max(e.fault) from e),
         coalesce(jsonb_agg(distinct d.agent) filter (where d.lease_token is null), '[]'),
         coalesce(jsonb_agg(jsonb_build_array(d.agent, d.lease_token, d.delivery_id, d.msg_id)
                            order by d.delivery_id) filter (where d.lease_token is not null),
                  '[]')
    into v_fault, v_wake, v_handed
    from delivered d;
  if v_fault is not null then
    -- Raising takes back what the statement stored of the others.
    raise exception 'message of % refused', p_agent using errcode = v_fault;
  end if;
  return jsonb_build_object('wake', v_wake, 'handed', v_handed);
end $$;
comment on function bus.append(text, jsonb, uuid, jsonb) is
  'Store signed messages and fan them out; hand them to peers that own the shard. TR104: unknown key. TR105: key not valid now. '
  'TR106: from the future. TR107: not this sender''s to publish. Internal: no role may call it.';
