create or replace function ops.drain_workers(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  -- A draining worker hands its shards back with its next lease and takes none.
  update bus.workers w set draining = x.draining
    from jsonb_to_recordset(p_items) as x(agent text, draining boolean)
   where w.agent = x.agent and w.draining <> x.draining;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'workers', (
                   select count(*) from bus.workers w
                    where w.agent = x.agent and w.draining = x.draining))), '[]')
            from jsonb_to_recordset(p_items) as x(i int, agent text, draining boolean));
end $$;
comment on function ops.drain_workers(jsonb) is
  'Let every worker of an agent finish and take nothing new, or take up work again.';
grant execute on function ops.drain_workers(jsonb) to orchestrator_agent;
