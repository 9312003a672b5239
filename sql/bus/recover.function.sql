create or replace function bus.recover(p_worker_id uuid) returns int
language plpgsql security definer set search_path = '' as $$
declare
  v_agent bus.agents;
  v_recovered int;
begin
  perform set_config('synchronous_commit', 'off', true);
  select a.* into v_agent from bus.agents a where a.role_name = session_user;
  -- Handed on at birth by a sender that broke before it could say so. A hand-over takes
  -- milliseconds: what is as old as a lease was not told, and nobody else may claim it.
  update bus.deliveries d
     set lease_token = null, lease_epoch = null, attempts = greatest(d.attempts - 1, 0)
   where d.agent = v_agent.agent and d.lease_token = p_worker_id
     and d.event_published_at
         < clock_timestamp() - v_agent.lease_ms * interval '1 millisecond';
  get diagnostics v_recovered = row_count;
  return v_recovered;
end $$;
comment on function bus.recover(uuid) is
  'Give back what is leased to a worker that holds nothing in hand. Call between batches.';
grant execute on function bus.recover(uuid) to desk_agents;
