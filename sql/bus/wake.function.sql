create or replace function bus.wake(p_agents text[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- In a transaction of its own, after the data's commit: NOTIFY takes an instance-wide lock
  -- across the WAL flush. A lost hint costs one poll, never a message.
  perform set_config('synchronous_commit', 'off', true);
  perform pg_notify('desk_wake_' || a, '') from unnest(p_agents) a;
end $$;
comment on function bus.wake(text[]) is 'Hint to agents that something waits for them.';
grant execute on function bus.wake(text[]) to desk_agents, desk_api, desk_operator, edge_intake;
