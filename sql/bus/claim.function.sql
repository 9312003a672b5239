create or replace function bus.claim(p_worker_id uuid, p_limit int)
returns table (
  delivery_id bigint, attempts smallint, row_kind text, expired boolean,
  msg_id uuid, type text, version text, correlation_id uuid, causation_id uuid, ttl_ms int,
  sender text, intent text, idempotency_key text, org_id text, ordering_key text,
  created_at timestamptz, payload jsonb, key_id text, sig text, published_at timestamptz)
language plpgsql security definer set search_path = '' rows 50 as $$
declare
  v_agent text := (select a.agent from bus.agents a where a.role_name = session_user);
  v_claimed bus.deliveries[];
  v_first timestamptz;
  v_last timestamptz;
begin
  -- The claim is a lease, not an effect: it need not wait for the disk.
  perform set_config('synchronous_commit', 'off', true),
          pg_advisory_xact_lock_shared(hashtextextended('bus.lease/' || v_agent, 0));
  with picked as materialized (
    select d.delivery_id, l.epoch
      from bus.deliveries d
      join bus.shard_leases l on l.agent = d.agent and l.shard = d.shard
                             and l.worker_id = p_worker_id
     where d.agent = v_agent
       and (d.lease_epoch is null or d.lease_epoch < l.epoch)
       and not exists (select from bus.parked_keys k
                        where k.agent = d.agent and k.ordering_key = d.ordering_key
                          and k.until > clock_timestamp())
     order by d.delivery_id
     limit p_limit
       for update of d skip locked
  ), claimed as (
    update bus.deliveries d
       set lease_token = p_worker_id, lease_epoch = p.epoch, attempts = d.attempts + 1
      from picked p
     where d.delivery_id = p.delivery_id
    returning d
  )
  select array_agg(c.d), min((c.d).event_published_at), max((c.d).event_published_at)
    into v_claimed, v_first, v_last
    from claimed c;
  if v_claimed is null then
    return;
  end if;
  return query
  select c.delivery_id, c.attempts, c.row_kind, c.expires_at < clock_timestamp(),
         c.msg_id, e.type, e.version, c.correlation_id, e.causation_id, e.ttl_ms,
         e.sender, e.intent, e.idempotency_key, c.org_id, c.ordering_key,
         coalesce(e.created_at, c.created_at), e.payload, e.key_id, e.sig, e.published_at
    from unnest(v_claimed) c
    left join bus.events e
      on e.published_at = c.event_published_at and e.seq = c.event_seq
     -- Known when the query starts, so that all other days' partitions stay closed.
     and e.published_at between v_first and v_last
   order by c.delivery_id;
end $$;
comment on function bus.claim(uuid, int) is
  'Claim the oldest deliveries of the worker''s shards, in order, past parked keys.';
grant execute on function bus.claim(uuid, int) to desk_agents;
