create or replace function bus.renew_process(p_process_id uuid) returns int
language plpgsql security definer set search_path = '' as $$
declare
  v_renewed int;
begin
  perform set_config('synchronous_commit', 'off', true);
  -- Renewal is for long calls outside, not for loops that stand still: those lose their lease.
  update bus.workers w
     set lease_until = clock_timestamp() + a.lease_ms * interval '1 millisecond'
    from bus.agents a
   where a.agent = w.agent and w.process_id = p_process_id
     and w.progress_at > clock_timestamp() - interval '60 seconds';
  get diagnostics v_renewed = row_count;
  return v_renewed;
end $$;
comment on function bus.renew_process(uuid) is
  'Renew every worker of a process that made progress within a minute; moves no shard.';
grant execute on function bus.renew_process(uuid) to desk_agents;
