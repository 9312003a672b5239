create or replace function bus.append(
  p_agent text, p_messages jsonb, p_worker_id uuid, p_peers jsonb)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_process uuid := (select w.process_id from bus.workers w
                      where w.worker_id = p_worker_id and w.agent = p_agent);
  v_fault text;
  v_wake text[] := '{}';
  v_handed jsonb := '[]';
  v_message jsonb;
  v_msg_id uuid;
  v_type text;
  v_ordering_key text;
  v_shard smallint;
  v_published_at timestamptz;
  v_seq bigint;
  v_hearer text;
  v_worker_id uuid;
  v_epoch bigint;
  v_delivery_id bigint;
begin
  -- Simple statements in a loop: starting up one large query costs more than a dozen of these.
  for v_message in select x.value from jsonb_array_elements(p_messages) x loop
    v_msg_id := v_message ->> 'msg_id';
    v_type := v_message ->> 'type';
    v_ordering_key := v_message ->> 'ordering_key';
    if v_message ->> 'sender' is distinct from 'agent.' || p_agent then
      v_fault := 'TR107';
    else
      select case
               when p.type is null then 'TR107'
               when k.revoked_at <= now() or k.valid_from > now() or k.valid_until <= now()
                 then 'TR105'
               when (v_message ->> 'created_at')::timestamptz > now() + interval '1 minute'
                 then 'TR106'
             end
        into v_fault
        from bus.agent_keys k
        left join bus.publications p on p.agent = k.agent and p.type = v_type
       where k.key_id = v_message ->> 'key_id' and k.agent = p_agent;
      if not found then
        v_fault := 'TR104';
      end if;
    end if;
    if v_fault is not null then
      -- Raising takes back what was stored of the others.
      raise exception 'message of % refused', p_agent using errcode = v_fault;
    end if;

    v_published_at := clock_timestamp();
    -- A key seen before means that this was published before: publishing is idempotent.
    insert into bus.message_keys (msg_id, sender, idempotency_key, published_at)
    values (v_msg_id, v_message ->> 'sender', v_message ->> 'idempotency_key', v_published_at)
    on conflict do nothing;
    continue when not found;

    insert into bus.events
      (msg_id, type, version, correlation_id, causation_id, ttl_ms, sender, intent,
       idempotency_key, org_id, ordering_key, created_at, payload, key_id, sig, published_at)
    values (v_msg_id, v_type, v_message ->> 'version', (v_message ->> 'correlation_id')::uuid,
            (v_message ->> 'causation_id')::uuid, (v_message ->> 'ttl_ms')::int,
            v_message ->> 'sender', v_message ->> 'intent', v_message ->> 'idempotency_key',
            v_message ->> 'org_id', v_ordering_key,
            (v_message ->> 'created_at')::timestamptz, v_message -> 'payload',
            v_message ->> 'key_id', v_message ->> 'sig', v_published_at)
    returning seq into v_seq;

    v_shard := bus.shard_of(v_ordering_key);
    for v_hearer in select u.agent from bus.subscriptions u where u.type = v_type loop
      v_worker_id := p_peers ->> v_hearer;
      if v_worker_id is not null then
        -- A hearer in the sender's own process need not fetch what was just written: it is
        -- leased to it from birth, claimed and fenced like any other. Nothing of its key may
        -- be overtaken: not what waits, nor what failed and is parked.
        select l.epoch into v_epoch
          from bus.shard_leases l
          join bus.workers w on w.worker_id = l.worker_id and w.process_id = v_process
         where l.agent = v_hearer and l.shard = v_shard and l.worker_id = v_worker_id
           and not exists (select from bus.deliveries d
                            where d.agent = v_hearer and d.ordering_key = v_ordering_key
                              and (d.lease_token is distinct from v_worker_id
                                   or d.lease_epoch < l.epoch));
        if not found then
          v_worker_id := null;
        end if;
      end if;
      insert into bus.deliveries
        (agent, shard, ordering_key, msg_id, event_published_at, event_seq, correlation_id,
         org_id, expires_at, created_at, lease_token, lease_epoch, attempts)
      values
        (v_hearer, v_shard, v_ordering_key, v_msg_id, v_published_at, v_seq,
         (v_message ->> 'correlation_id')::uuid, v_message ->> 'org_id',
         (v_message ->> 'created_at')::timestamptz
           + (v_message ->> 'ttl_ms')::int * interval '1 millisecond',
         (v_message ->> 'created_at')::timestamptz, v_worker_id,
         case when v_worker_id is not null then v_epoch end,
         case when v_worker_id is null then 0 else 1 end)
      returning delivery_id into v_delivery_id;
      if v_worker_id is null then
        v_wake := v_wake || v_hearer;
      else
        v_handed := v_handed
          || jsonb_build_array(jsonb_build_array(v_hearer, v_worker_id, v_delivery_id, v_msg_id));
      end if;
    end loop;
  end loop;
  return jsonb_build_object(
    'wake', (select coalesce(jsonb_agg(distinct a), '[]') from unnest(v_wake) a),
    'handed', v_handed);
end $$;
comment on function bus.append(text, jsonb, uuid, jsonb) is
  'Store signed messages and fan them out; hand them to peers that own the shard. TR104: unknown key. TR105: key not valid now. '
  'TR106: from the future. TR107: not this sender''s to publish. Internal: no role may call it.';
