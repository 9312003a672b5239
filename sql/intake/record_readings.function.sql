-- For alerts whose door did not read them: what accept_alerts does for the others, afterwards.
-- One at a time, in the order of their keys: such doors are the quiet ones.
create or replace function intake.record_readings(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_given boolean;
  v_first uuid;
begin
  for v_item in
    select x.alert_id, nullif(x.parsed, 'null') as parsed, x.reason_code, x.dedupe_kind,
           x.dedupe_value, x.secrets, r.org_id, r.source_id, r.received_at, s.secret_sha256
      from jsonb_to_recordset(p_items) as x(
        alert_id uuid, parsed jsonb, reason_code text, dedupe_kind text, dedupe_value text,
        secrets jsonb)
      join public.signals_raw r on r.alert_id = x.alert_id
      join intake.sources s on s.source_id = r.source_id
     where not exists (select from intake.readings d where d.alert_id = x.alert_id)
     order by r.source_id, x.dedupe_kind, x.dedupe_value, x.alert_id
  loop
    v_given := v_item.secret_sha256 is null
            or coalesce(v_item.secrets ? encode(v_item.secret_sha256, 'hex'), false);
    v_first := null;
    -- The door took the bytes' key already. A body without the secret takes no other.
    if v_given and v_item.parsed is not null and v_item.dedupe_kind <> 'bytes' then
      insert into intake.alert_keys as held (source_id, kind, value, alert_id, first_seen_at)
      values (v_item.source_id, v_item.dedupe_kind, v_item.dedupe_value, v_item.alert_id,
              v_item.received_at)
      on conflict (source_id, kind, value) do nothing;
      if not found then
        select k.alert_id into strict v_first from intake.alert_keys k
         where k.source_id = v_item.source_id and k.kind = v_item.dedupe_kind
           and k.value = v_item.dedupe_value and k.alert_id <> v_item.alert_id;
      end if;
    end if;
    insert into intake.readings
      (alert_id, org_id, source_id, understood, parsed, reason_code, dedupe_kind, dedupe_value,
       first_alert_id, source_time)
    values
      (v_item.alert_id, v_item.org_id, v_item.source_id,
       v_given and v_item.parsed is not null, case when v_given then v_item.parsed end,
       case when not v_given then 'SECRET_WRONG'
            when v_item.parsed is null then coalesce(v_item.reason_code, 'TEXT_NOT_UNDERSTOOD')
            end,
       v_item.dedupe_kind, v_item.dedupe_value, v_first,
       case when v_given then (v_item.parsed ->> 'source_time')::timestamptz end);
    if v_first is null then
      perform bus.deliver_row(
        'intake', 'reading', v_item.alert_id,
        coalesce(case when v_given then nullif(
                   upper(left(v_item.parsed ->> 'symbol_raw', 64)), '') end, v_item.source_id),
        v_item.org_id, v_item.alert_id, 86400000);
    else
      perform ops.record_outcome(v_item.alert_id, v_item.org_id, 'duplicate', null, 'intake',
                                 clock_timestamp());
    end if;
  end loop;
  return '[]';
end $$;
comment on function intake.record_readings(jsonb) is
  'Keep what was read of alerts after their answer; what came before ends as a duplicate, the rest goes to intake again. Repeating changes nothing.';
grant execute on function intake.record_readings(jsonb) to intake_agent;
