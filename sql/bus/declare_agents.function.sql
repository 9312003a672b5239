create or replace function bus.declare_agents(p_agents jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into bus.agents
    (agent, role_name, depth_max, max_attempts, backoff_base_ms, backoff_cap_ms, lease_ms,
     batch_max, decides_alert)
  select a.agent, a.agent || '_agent', a.depth_max, a.max_attempts, a.backoff_base_ms,
         a.backoff_cap_ms, a.lease_ms, a.batch_max, a.decides_alert
    from jsonb_to_recordset(p_agents) as a(
      agent text, depth_max int, max_attempts int, backoff_base_ms int, backoff_cap_ms int,
      lease_ms int, batch_max int, decides_alert boolean)
  on conflict (agent) do update
     set role_name = excluded.role_name, depth_max = excluded.depth_max,
         max_attempts = excluded.max_attempts, backoff_base_ms = excluded.backoff_base_ms,
         backoff_cap_ms = excluded.backoff_cap_ms, lease_ms = excluded.lease_ms,
         batch_max = excluded.batch_max, decides_alert = excluded.decides_alert;
  delete from bus.subscriptions s where true;
  insert into bus.subscriptions (agent, type)
  select a ->> 'agent', t from jsonb_array_elements(p_agents) a,
         jsonb_array_elements_text(a -> 'hears') t;
  delete from bus.publications p where true;
  insert into bus.publications (agent, type)
  select a ->> 'agent', t from jsonb_array_elements(p_agents) a,
         jsonb_array_elements_text(a -> 'emits') t;
end $$;
comment on function bus.declare_agents(jsonb) is
  'Set who hears and who may publish what, from the agents'' own declarations. Owner only.';
