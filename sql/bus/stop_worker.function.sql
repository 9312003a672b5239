create or replace function bus.stop_worker(p_worker_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_agent text := (select a.agent from bus.agents a where a.role_name = session_user);
begin
  perform pg_advisory_xact_lock(hashtextextended('bus.lease/' || v_agent, 0));
  update bus.deliveries d
     set lease_token = null, lease_epoch = null, attempts = greatest(d.attempts - 1, 0)
   where d.agent = v_agent and d.lease_token = p_worker_id;
  update bus.shard_leases l set worker_id = null
   where l.agent = v_agent and l.worker_id = p_worker_id;
  delete from bus.workers w where w.worker_id = p_worker_id and w.agent = v_agent;
end $$;
comment on function bus.stop_worker(uuid) is
  'Hand back everything at a clean stop, so that others need not wait for the lease to end.';
grant execute on function bus.stop_worker(uuid) to desk_agents;
