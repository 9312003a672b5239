create or replace function ops.hold_key(p_person text, p_key text, p_route text, p_body jsonb)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_sha256 bytea := sha256(convert_to(p_body::text, 'UTF8'));
  v_held ops.idempotency_keys;
begin
  -- A reply is told to whoever asked for it: nobody holds a key in another's name.
  if p_person is distinct from governance.acting_voter() then
    raise exception 'nobody holds the keys of another' using errcode = 'TR501';
  end if;
  -- The second of two equal requests waits here until the first has committed its answer.
  insert into ops.idempotency_keys (person, key, route, body_sha256, created_at)
  values (p_person, p_key, p_route, v_sha256, clock_timestamp())
  on conflict (person, key) do nothing;
  select k.* into strict v_held
    from ops.idempotency_keys k where k.person = p_person and k.key = p_key for update;
  return jsonb_build_object(
    'conflict', v_held.body_sha256 <> v_sha256 or v_held.route <> p_route,
    'reply', v_held.reply);
end $$;
comment on function ops.hold_key(text, text, text, jsonb) is
  'Hold an idempotency key within the transaction: its stored reply, or leave to do the work. TR501: another person''s.';
grant execute on function ops.hold_key(text, text, text, jsonb)
  to treasury_operator, desk_operator, auditor;
