create or replace function audit.register_seal_key(
  p_key_id text, p_public_key bytea, p_vouched_by text, p_vouch text)
returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('audit.register_seal_key', 0));
  -- The first key is what everyone who checks must know; those after it need a voucher.
  if p_vouched_by is null and exists (
    select from audit.seal_keys k where k.key_id <> p_key_id) then
    return exists (select from audit.seal_keys k where k.key_id = p_key_id);
  end if;
  insert into audit.seal_keys (key_id, public_key, vouched_by, vouch)
  values (p_key_id, p_public_key, p_vouched_by, p_vouch)
  on conflict (key_id) do nothing;
  return true;
end $$;
comment on function audit.register_seal_key(text, bytea, text, text) is
  'Register a key that seals: the first as it is, others with an older key''s signature of them. '
  'False: nobody vouches for it.';
grant execute on function audit.register_seal_key(text, bytea, text, text) to desk_sealer;
