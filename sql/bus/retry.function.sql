create or replace function bus.retry(
  p_worker_id uuid, p_delivery_id bigint, p_code text, p_error text, p_random float8,
  p_final boolean, p_code_version text)
returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_agent bus.agents;
  v_delivery bus.deliveries;
  v_delay_ms float8;
begin
  select a.* into v_agent from bus.agents a where a.role_name = session_user;
  perform pg_advisory_xact_lock_shared(hashtextextended('bus.lease/' || v_agent.agent, 0));
  select d.* into v_delivery
    from bus.deliveries d
    join bus.shard_leases l on l.agent = d.agent and l.shard = d.shard
                           and l.worker_id = p_worker_id and l.epoch = d.lease_epoch
   where d.delivery_id = p_delivery_id and d.agent = v_agent.agent
     and d.lease_token = p_worker_id
     for update of d;
  if not found then
    raise exception 'worker % no longer holds delivery %', p_worker_id, p_delivery_id
      using errcode = 'TR108';
  end if;

  if p_final or v_delivery.attempts >= v_agent.max_attempts then
    perform bus.bury(v_agent.agent, p_delivery_id, p_code, p_error, p_code_version);
    -- A younger message of the key may be buried while an older one waits for its next try.
    delete from bus.parked_keys k
     where k.agent = v_agent.agent and k.ordering_key = v_delivery.ordering_key
       and k.msg_id = v_delivery.msg_id;
    return 'dead';
  end if;

  v_delay_ms := least(v_agent.backoff_cap_ms,
                      v_agent.backoff_base_ms * power(2, v_delivery.attempts - 1))
                * (0.5 + p_random / 2);
  update bus.deliveries d set lease_token = null, lease_epoch = null
   where d.delivery_id = p_delivery_id;
  -- Only this key waits; the other keys of its shard flow on.
  insert into bus.parked_keys (agent, ordering_key, until, msg_id, reason, parked_at)
  values (v_agent.agent, v_delivery.ordering_key,
          clock_timestamp() + v_delay_ms * interval '1 millisecond',
          v_delivery.msg_id, left(p_code || ': ' || p_error, 1000), clock_timestamp())
  on conflict (agent, ordering_key) do update
     set until = excluded.until, msg_id = excluded.msg_id, reason = excluded.reason,
         parked_at = excluded.parked_at;
  return 'parked';
end $$;
comment on function bus.retry(uuid, bigint, text, text, float8, boolean, text) is
  'Park the key of a failed delivery, or bury it after the last try (or at once, p_final). '
  'TR108: the lease is gone.';
grant execute on function bus.retry(uuid, bigint, text, text, float8, boolean, text)
  to desk_agents;
