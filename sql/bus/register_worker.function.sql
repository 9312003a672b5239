create or replace function bus.register_worker(
  p_worker_id uuid, p_process_id uuid, p_host text, p_pid int, p_version text)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_agent bus.agents;
begin
  select a.* into v_agent from bus.agents a where a.role_name = session_user;
  if not found then
    raise exception 'session user % is no agent', session_user using errcode = 'TR109';
  end if;
  -- A process that lost its session comes back as a new worker; its old self is gone.
  if exists (select from bus.workers w
              where w.agent = v_agent.agent and w.process_id = p_process_id) then
    perform pg_advisory_xact_lock(hashtextextended('bus.lease/' || v_agent.agent, 0));
    update bus.shard_leases l set worker_id = null
      from bus.workers w
     where l.agent = v_agent.agent and w.worker_id = l.worker_id
       and w.process_id = p_process_id and w.worker_id <> p_worker_id;
    delete from bus.workers w
     where w.agent = v_agent.agent and w.process_id = p_process_id
       and w.worker_id <> p_worker_id;
  end if;
  insert into bus.workers
    (worker_id, process_id, agent, host, pid, version, started_at, lease_until, draining,
     progress_at)
  values
    (p_worker_id, p_process_id, v_agent.agent, p_host, p_pid, p_version, clock_timestamp(),
     clock_timestamp() + v_agent.lease_ms * interval '1 millisecond', false, clock_timestamp())
  on conflict (worker_id) do nothing;
  insert into bus.shard_leases (agent, shard, worker_id, epoch)
  select v_agent.agent, s, null, 0 from generate_series(0, 63) s
  on conflict (agent, shard) do nothing;
  return jsonb_build_object(
    'agent', v_agent.agent, 'lease_ms', v_agent.lease_ms, 'batch_max', v_agent.batch_max);
end $$;
comment on function bus.register_worker(uuid, uuid, text, int, text) is
  'Announce one agent of one process. TR109: the session is no agent.';
grant execute on function bus.register_worker(uuid, uuid, text, int, text) to desk_agents;
