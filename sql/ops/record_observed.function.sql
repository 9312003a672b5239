create or replace function ops.record_observed(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into ops.desired_agents as held (agent, observed)
  select x.agent, x.observed
    from jsonb_to_recordset(p_items) as x(agent text, observed int)
    join bus.agents a on a.agent = x.agent
   order by x.agent
  on conflict (agent) do update set observed = excluded.observed;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.record_observed(jsonb) is
  'Keep how many workers were seen when it was last reported; what is desired stays.';
grant execute on function ops.record_observed(jsonb) to orchestrator_agent;
