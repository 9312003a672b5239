create or replace function bus.publish(p_messages jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_agent text := (select a.agent from bus.agents a where a.role_name = session_user);
  v_message jsonb;
  v_answers jsonb := '[]';
  v_code text;
  v_wake jsonb := '[]';
begin
  for v_message in select m from jsonb_array_elements(p_messages) m loop
    v_code := null;
    if exists (select from bus.message_keys k
                where k.msg_id = (v_message ->> 'msg_id')::uuid
                   or (k.sender = v_message ->> 'sender'
                       and k.idempotency_key = v_message ->> 'idempotency_key')) then
      v_code := 'TR102';
    elsif (v_message ->> 'created_at')::timestamptz
          + (v_message ->> 'ttl_ms')::int * interval '1 millisecond' < now() then
      v_code := 'TR101';
    else
      begin
        v_wake := v_wake || (bus.append(v_agent, jsonb_build_array(v_message), null, '{}')
                             -> 'wake');
      exception when sqlstate 'TR104' or sqlstate 'TR105' or sqlstate 'TR106'
                  or sqlstate 'TR107' then
        v_code := sqlstate;
      end;
    end if;
    if v_code is not null then
      insert into bus.refused
        (refused_id, sender_session, wire, code, detail, correlation_id, refused_at)
      values (bus.uuid7(), session_user, v_message, v_code, 'refused at publish',
              (v_message ->> 'correlation_id')::uuid, clock_timestamp());
    end if;
    v_answers := v_answers || jsonb_build_object(
      'msg_id', v_message ->> 'msg_id', 'code', v_code,
      'status', case when v_code is null then 'published' else 'refused' end);
  end loop;
  return jsonb_build_object('answers', v_answers, 'wake', v_wake);
end $$;
comment on function bus.publish(jsonb) is
  'Publish outside the loop; refusals (TR101 expired, TR102 replayed, TR104-TR107) are kept.';
grant execute on function bus.publish(jsonb) to desk_agents;
