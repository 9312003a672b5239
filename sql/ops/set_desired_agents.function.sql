create or replace function ops.set_desired_agents(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_unknown text;
begin
  select x.agent into v_unknown
    from jsonb_to_recordset(p_items) as x(agent text)
   where not exists (select from bus.agents a where a.agent = x.agent) limit 1;
  if found then
    raise exception 'no agent % is declared', v_unknown using errcode = 'TR122';
  end if;
  insert into ops.desired_agents as held (agent, desired, draining, updated_at)
  select x.agent, coalesce(x.desired, 1), coalesce(x.draining, false), clock_timestamp()
    from jsonb_to_recordset(p_items) as x(agent text, desired int, draining boolean)
   order by x.agent
  on conflict (agent) do update
     set desired = excluded.desired, draining = excluded.draining,
         updated_at = excluded.updated_at;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.set_desired_agents(jsonb) is
  'Say how many workers of an agent should run, and whether it is to drain. TR122: no such agent.';
grant execute on function ops.set_desired_agents(jsonb) to desk_operator;
