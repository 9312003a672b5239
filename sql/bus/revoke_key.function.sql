create or replace function bus.revoke_key(p_key_id text, p_reason text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update bus.agent_keys k set revoked_at = clock_timestamp(), revoked_reason = p_reason
   where k.key_id = p_key_id and k.revoked_at is null;
  return found;
end $$;
comment on function bus.revoke_key(text, text) is
  'Revoke a key: nothing that it signed is acted upon from now on.';
grant execute on function bus.revoke_key(text, text) to desk_operator;
