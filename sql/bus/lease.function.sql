create or replace function bus.lease(p_worker_id uuid)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_agent bus.agents;
  v_pinned smallint[];
  v_mine smallint[];
  v_now timestamptz := clock_timestamp();
  v_count int;
  v_rank int;
  v_taken int := 0;
  v_throttled text;
begin
  -- A lease is bookkeeping: losing the last moments of it in a crash is harmless.
  perform set_config('synchronous_commit', 'off', true);
  select a.* into v_agent from bus.agents a where a.role_name = session_user;
  update bus.workers w
     set lease_until = v_now + v_agent.lease_ms * interval '1 millisecond', progress_at = v_now
   where w.worker_id = p_worker_id and w.agent = v_agent.agent;
  if not found then
    raise exception 'worker % is not registered', p_worker_id using errcode = 'TR110';
  end if;

  select w.pinned into v_pinned from bus.workers w where w.worker_id = p_worker_id;
  -- Processes rank the same for every agent, so one symbol stays within one process. A worker
  -- that serves some shards only has no part in the rest.
  select count(*), count(*) filter (where w.process_id < me.process_id)
    into v_count, v_rank
    from bus.workers me
    join bus.workers w on w.agent = me.agent and w.lease_until > v_now and not w.draining
                      and w.pinned is null
   where me.worker_id = p_worker_id and not me.draining;
  if v_pinned is not null then
    v_rank := 0;
    v_mine := case when exists (select from bus.workers w
                                 where w.worker_id = p_worker_id and not w.draining)
                   then v_pinned else '{}' end;
  else
    v_mine := array(
      select s.nr from generate_series(0, 63) s(nr)
       where v_count > 0 and s.nr % v_count = v_rank
         and not exists (select from bus.workers o
                          where o.agent = v_agent.agent and o.lease_until > v_now
                            and not o.draining and s.nr::smallint = any (o.pinned)));
  end if;

  if exists (
    select from bus.shard_leases l
     where l.agent = v_agent.agent
       and case when l.shard = any (v_mine)
                then l.worker_id is distinct from p_worker_id
                     and not exists (select from bus.workers o
                                      where o.worker_id = l.worker_id and o.lease_until > v_now)
                else l.worker_id = p_worker_id end)
  then
    -- Claims and settlements hold this lock shared: nothing is in flight while leases move.
    perform pg_advisory_xact_lock(hashtextextended('bus.lease/' || v_agent.agent, 0));
    update bus.shard_leases l set worker_id = null
     where l.agent = v_agent.agent and l.worker_id = p_worker_id
       and l.shard <> all (v_mine);
    update bus.shard_leases l
       set worker_id = p_worker_id, epoch = l.epoch + 1, leased_at = clock_timestamp()
     where l.agent = v_agent.agent and l.shard = any (v_mine)
       and l.worker_id is distinct from p_worker_id
       and not exists (select from bus.workers o
                        where o.worker_id = l.worker_id and o.lease_until > clock_timestamp());
    get diagnostics v_taken = row_count;
  end if;

  -- Fills and what follows them never wait, or a full circle of agents could stand still.
  select s.agent into v_throttled
    from bus.publications p
    join bus.subscriptions s on s.type = p.type
    join bus.agents d on d.agent = s.agent
   where p.agent = v_agent.agent and p.type !~ '^(execution|compliance|system)\.'
     and (select count(*) from (select from bus.deliveries q where q.agent = s.agent
                                 limit d.depth_max + 1) deep) > d.depth_max
   limit 1;

  return jsonb_build_object(
    'shards', (select count(*) from bus.shard_leases l
                where l.agent = v_agent.agent and l.worker_id = p_worker_id),
    'taken', v_taken,
    'workers', v_count + (select count(*) from bus.workers o
                           where o.agent = v_agent.agent and o.lease_until > v_now
                             and o.pinned is not null),
    'rank', case when v_count > 0 or v_pinned is not null then v_rank end,
    'throttled_by', v_throttled);
end $$;
comment on function bus.lease(uuid) is
  'Renew a worker, move shards to their fair owner, report backpressure. Call between batches.';
grant execute on function bus.lease(uuid) to desk_agents;
