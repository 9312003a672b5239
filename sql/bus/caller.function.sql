create or replace function bus.caller() returns text
language sql stable security definer set search_path = '' as $$
  -- session_user, not current_user: a definer function must not lend its identity.
  select a.agent from bus.agents a where a.role_name = session_user
$$;
comment on function bus.caller() is
  'The agent whose role this session logged in as; null for everyone else.';
grant execute on function bus.caller() to desk_agents;
