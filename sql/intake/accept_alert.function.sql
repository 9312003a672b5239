-- The webhook's hot path: one round trip, four short statements, no lock that two alerts share.
create or replace function intake.accept_alert(
  p_source_token_sha256 bytea,
  p_body bytea,
  p_content_type text,
  p_remote_address inet,
  p_parsed jsonb,
  p_reason_code text,
  p_dedupe_kind text,
  p_dedupe_value text,
  p_alert_id uuid,
  p_received_at timestamptz
) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_source intake.sources;
  v_kind text := coalesce(p_dedupe_kind, 'bytes');
  v_value text := coalesce(p_dedupe_value, encode(sha256(p_body), 'hex'));
  v_first uuid;
  v_is_new boolean;
begin
  select s.* into v_source from intake.sources s where s.token_sha256 = p_source_token_sha256;
  if not found then
    return jsonb_build_object('status', 'refused', 'code', 'TR201');
  elsif v_source.state <> 'active' then
    return jsonb_build_object('status', 'refused', 'code', 'TR202');
  end if;

  -- The conflicting row is locked before it is compared, so that of two posts at once one
  -- waits and then sees the other. Bytes alone say "the same alert" only for a minute.
  insert into intake.alert_keys as held (source_id, kind, value, alert_id, first_seen_at)
  values (v_source.source_id, v_kind, v_value, p_alert_id, p_received_at)
  on conflict (source_id, kind, value) do update
     set alert_id = excluded.alert_id, first_seen_at = excluded.first_seen_at
   where held.kind = 'bytes'
     and excluded.first_seen_at >= held.first_seen_at + interval '60 seconds';
  v_is_new := found;

  if not v_is_new then
    select k.alert_id into strict v_first from intake.alert_keys k
     where k.source_id = v_source.source_id and k.kind = v_kind and k.value = v_value;
    if v_first <> p_alert_id then
      insert into intake.duplicates (duplicate_id, alert_id, source_id, received_at, body)
      values (p_alert_id, v_first, v_source.source_id, p_received_at, p_body)
      on conflict (duplicate_id) do nothing;
      return jsonb_build_object('status', 'duplicate', 'alert_id', v_first,
                                'correlation_id', v_first, 'source_id', v_source.source_id,
                                'rate_per_minute', v_source.rate_per_minute);
    end if;
    -- The same call again, after an answer that got lost: say the same.
  else
    insert into public.signals_raw
      (alert_id, correlation_id, org_id, source_id, received_at, body, content_type,
       remote_address, parsed, understood, reason_code, dedupe_kind, dedupe_value, source_time)
    values
      (p_alert_id, p_alert_id, v_source.org_id, v_source.source_id, p_received_at, p_body,
       p_content_type, p_remote_address, p_parsed, p_parsed is not null,
       case when p_parsed is null then coalesce(p_reason_code, 'TEXT_NOT_UNDERSTOOD') end,
       v_kind, v_value, (p_parsed ->> 'source_time')::timestamptz);
    -- A day: the bus must not expire what only a person may give up. Intake judges the age.
    perform bus.deliver_row(
      'intake', 'alert', p_alert_id,
      coalesce(nullif(upper(left(p_parsed ->> 'symbol_raw', 64)), ''), v_source.source_id),
      v_source.org_id, p_alert_id, 86400000);
  end if;
  return jsonb_build_object('status', 'accepted', 'alert_id', p_alert_id,
                            'correlation_id', p_alert_id, 'source_id', v_source.source_id,
                            'rate_per_minute', v_source.rate_per_minute);
end $$;
comment on function intake.accept_alert(
  bytea, bytea, text, inet, jsonb, text, text, text, uuid, timestamptz) is
  'Store an alert verbatim, drop a duplicate, hand it to intake. Refused: TR201 unknown token, TR202 revoked token.';
grant execute on function intake.accept_alert(
  bytea, bytea, text, inet, jsonb, text, text, text, uuid, timestamptz)
  to desk_api, edge_intake;
