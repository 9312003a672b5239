create or replace function bus.bury(
  p_agent text, p_delivery_id bigint, p_code text, p_error text, p_code_version text)
returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_dead bus.deliveries;
begin
  delete from bus.deliveries d where d.delivery_id = p_delivery_id returning d.* into v_dead;
  insert into bus.dead_letters
    (dead_letter_id, agent, msg_id, row_kind, ordering_key, event_published_at, event_seq,
     correlation_id, org_id, code, error, attempts, code_version, died_at)
  values
    (bus.uuid7(), v_dead.agent, v_dead.msg_id, v_dead.row_kind, v_dead.ordering_key,
     v_dead.event_published_at, v_dead.event_seq, v_dead.correlation_id, v_dead.org_id, p_code,
     left(p_error, 4000), v_dead.attempts, p_code_version, clock_timestamp());
  if (select a.decides_alert from bus.agents a where a.agent = v_dead.agent)
     and (ops.in_shadow(v_dead.correlation_id)
          or exists (select from public.signals_raw r
                      where r.correlation_id = v_dead.correlation_id)) then
    perform ops.record_outcome(v_dead.correlation_id, v_dead.org_id,
                               case p_code when 'TR101' then 'expired' else 'dead_letter' end,
                               p_code, v_dead.agent, clock_timestamp());
  end if;
end $$;
comment on function bus.bury(text, bigint, text, text, text) is
  'Move a delivery to the dead letters, and the alert with it where it ends there. Internal.';
