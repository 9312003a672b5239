create or replace function risk.active_policy() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
           'policy_hash', p.policy_hash, 'name', p.name, 'version', p.version,
           'applied_at', p.applied_at, 'applied_by', p.applied_by, 'body', p.body)
    from risk.policies p where p.active
$$;
comment on function risk.active_policy() is 'The policy pack in force, or null.';
grant execute on function risk.active_policy() to desk_agents, desk_operator, desk_api;
