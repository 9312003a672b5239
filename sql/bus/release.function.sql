create or replace function bus.release(p_worker_id uuid, p_delivery_ids bigint[]) returns int
language plpgsql security definer set search_path = '' as $$
declare
  v_released int;
begin
  perform set_config('synchronous_commit', 'off', true);
  -- These were claimed and not tried: the attempt does not count.
  update bus.deliveries d
     set lease_token = null, lease_epoch = null, attempts = greatest(d.attempts - 1, 0)
   where d.delivery_id = any (p_delivery_ids)
     and d.agent = (select a.agent from bus.agents a where a.role_name = session_user)
     and d.lease_token = p_worker_id;
  get diagnostics v_released = row_count;
  return v_released;
end $$;
comment on function bus.release(uuid, bigint[]) is
  'Give claimed deliveries back untried.';
grant execute on function bus.release(uuid, bigint[]) to desk_agents;
