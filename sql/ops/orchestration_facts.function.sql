create or replace function ops.orchestration_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_agents jsonb;
  v_flags jsonb;
begin
  select coalesce(jsonb_agg(jsonb_build_object(
           'agent', a.agent, 'desired', d.desired, 'draining', d.draining,
           'observed', d.observed, 'alive', w.alive, 'alive_draining', w.draining)
           order by a.agent), '[]')
    into v_agents
    from bus.agents a
    left join ops.desired_agents d on d.agent = a.agent
    cross join lateral (
      select count(*) as alive, count(*) filter (where b.draining) as draining
        from bus.workers b where b.agent = a.agent and b.lease_until > v_now) w;
  select coalesce(jsonb_agg(jsonb_build_object(
           'flag', f.flag, 'enabled', f.enabled, 'announced', f.announced, 'note', f.note)
           order by f.flag), '[]')
    into v_flags
    from ops.feature_flags f;
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'agents', v_agents, 'flags', v_flags)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.orchestration_facts(jsonb) is
  'Desired against living workers of every agent, and flags against what was announced.';
grant execute on function ops.orchestration_facts(jsonb) to orchestrator_agent;
