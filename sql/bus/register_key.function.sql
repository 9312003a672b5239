create or replace function bus.register_key(
  p_agent text, p_key_id text, p_public_key bytea, p_valid_from timestamptz)
returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- Rotation: the newest key signs, older ones stay good for what they have signed.
  insert into bus.agent_keys (key_id, agent, public_key, valid_from)
  values (p_key_id, p_agent, p_public_key, p_valid_from)
  on conflict (key_id) do nothing;
end $$;
comment on function bus.register_key(text, text, bytea, timestamptz) is
  'Register an agent''s public key. Only the owner may: whoever registers keys speaks for agents.';
