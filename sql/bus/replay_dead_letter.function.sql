create or replace function bus.replay_dead_letter(p_dead_letter_id uuid, p_reason text)
returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_dead bus.dead_letters;
begin
  -- The row lock makes two operators who press the same button replay once.
  update bus.dead_letters d
     set replayed_at = clock_timestamp(), replayed_by = session_user, replay_reason = p_reason
   where d.dead_letter_id = p_dead_letter_id and d.replayed_at is null
     and ops.acts_for(d.org_id)
  returning d.* into v_dead;
  if not found then
    raise exception 'dead letter % is unknown or already replayed', p_dead_letter_id
      using errcode = 'TR111';
  end if;
  insert into bus.deliveries
    (agent, shard, ordering_key, msg_id, row_kind, event_published_at, event_seq,
     correlation_id, org_id, expires_at, created_at)
  values
    (v_dead.agent, bus.shard_of(v_dead.ordering_key), v_dead.ordering_key, v_dead.msg_id,
     v_dead.row_kind, v_dead.event_published_at, v_dead.event_seq, v_dead.correlation_id,
     v_dead.org_id, clock_timestamp() + interval '5 minutes', clock_timestamp());
  return v_dead.agent;
end $$;
comment on function bus.replay_dead_letter(uuid, text) is
  'Deliver a dead letter again, once, with a reason on record. TR111: unknown or replayed.';
grant execute on function bus.replay_dead_letter(uuid, text) to desk_operator;
