-- Called by every worker process each second. An agent's loop that came round since a halt
-- stands decides under it from then on: that is what is acknowledged, not that a hint arrived.
create or replace function governance.acknowledge_halts(p_process_id uuid) returns int
language plpgsql security definer set search_path = '' as $$
declare
  v_count int;
begin
  if not exists (select from governance.halts g where g.lifted_at is null) then
    return 0;
  end if;
  insert into governance.halt_acknowledgements
    (halt_id, worker_id, agent, process_id, acknowledged_at)
  select g.halt_id, w.worker_id, w.agent, w.process_id, clock_timestamp()
    from governance.halts g
    join bus.workers w on w.process_id = p_process_id and w.progress_at > g.halted_at
   where g.lifted_at is null
     and not exists (select from governance.halt_acknowledgements k
                      where k.halt_id = g.halt_id and k.worker_id = w.worker_id)
   order by g.halt_id, w.worker_id
  on conflict do nothing;
  get diagnostics v_count = row_count;
  -- What was on its way to the venue when a cancelling halt came works there only now.
  perform governance.cancel_working(array(
    select g.halt_id from governance.halts g
     where g.lifted_at is null and g.cancel_working_orders order by g.halt_id));
  return v_count;
end $$;
comment on function governance.acknowledge_halts(uuid) is
  'Acknowledge standing halts for every agent of a process whose loop came round under them, and cancel what began to work since; how many were new.';
grant execute on function governance.acknowledge_halts(uuid) to desk_agents;
