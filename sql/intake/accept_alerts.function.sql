-- What every door calls, the API's webhook and the edge function alike: store posts verbatim,
-- drop duplicates, hand the rest to intake. One statement takes many posts and commits them
-- together; a door answers after that commit.
--
-- An item of p_items:
--   i             int, comes back with the answer
--   token_sha256  text, SHA-256 of the token in the path, 64 hexadecimal digits
--   body          text, base64 of the bytes as they came, at most 64 KiB before encoding
--   content_type  text, optional: the header as it came
--   remote_address text, optional: the sender's address, behind trusted proxies already found
--   alert_id      uuid, optional: made by the door before its first try, so that calling again
--                 after a lost answer says and does the same; without it one is made here
--   received_at   timestamptz, optional: the door's clock, else this server's
-- A door that understands bodies adds its reading (backend/domain/intake), one of:
--   parsed        object, with dedupe_kind 'id'|'time'|'bytes' and dedupe_value
--   reason_code   text: why nobody can understand the body
-- and secrets     array of hexadecimal SHA-256 of whatever in the body may be a shared secret.
-- A door without a reading leaves these out: the intake worker reads the body afterwards and
-- looks for its id or time among all alerts then (intake.record_readings). Only for such doors
-- the rate is counted here; the API counts for itself, before it costs the database anything.
--
-- An answer: {"i", "status", "alert_id", "correlation_id", "source_id", "rate_per_minute"} with
-- status 'accepted' or 'duplicate' (alert_id is then the first one's); or {"i", "status":
-- 'refused', "code"}: TR201 unknown token (404), TR202 revoked or expired token (410), TR204
-- too fast (429), TR250 address not allowed (403). After a commit with something accepted,
-- `select bus.wake(array['intake'])` in a transaction of its own; a lost hint costs a second.
create or replace function intake.accept_alerts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_answers jsonb;
  v_new uuid[];
  v_unsettled int;
begin
  with asked as materialized (
    select x.i, decode(x.token_sha256, 'hex') as token_sha256, decode(x.body, 'base64') as body,
           x.content_type, x.remote_address, coalesce(x.alert_id, bus.uuid7()) as alert_id,
           coalesce(x.received_at, v_now) as received_at, x.parsed, x.reason_code,
           x.dedupe_kind, x.dedupe_value, x.secrets,
           x.parsed is null and x.reason_code is null as unread
      from jsonb_to_recordset(p_items) as x(
        i int, token_sha256 text, body text, content_type text, remote_address inet,
        alert_id uuid, received_at timestamptz, parsed jsonb, reason_code text,
        dedupe_kind text, dedupe_value text, secrets jsonb)
  ), judged as materialized (
    select a.i, a.body, a.content_type, a.remote_address, a.alert_id, a.received_at,
           a.reason_code, a.dedupe_kind, a.dedupe_value, a.unread,
           s.source_id, s.org_id, s.rate_per_minute,
           f.secret_given, case when f.secret_given then a.parsed end as parsed,
           case when t.token_sha256 is null then 'TR201'
                when t.revoked_at is not null or t.valid_until <= v_now
                  or s.state <> 'active' then 'TR202'
                when s.allowed_addresses is not null
                 and not coalesce(a.remote_address <<= any (s.allowed_addresses), false)
                then 'TR250'
                when a.unread and not intake.spend(s.source_id, s.rate_per_minute, v_now)
                then 'TR204' end as refusal
      from asked a
      left join intake.source_tokens t on t.token_sha256 = a.token_sha256
      left join intake.sources s on s.source_id = t.source_id
      cross join lateral (
        -- A body without the secret is nobody's: it may not take the key of a true alert either.
        select s.secret_sha256 is null or a.unread
            or coalesce(a.secrets ? encode(s.secret_sha256, 'hex'), false) as secret_given) f
  ), keyed as materialized (
    select j.*, w.kind, case when w.kind = 'bytes' then encode(sha256(j.body), 'hex')
                             else j.dedupe_value end as value
      from judged j
      cross join lateral (
        select case when j.parsed is not null and j.dedupe_value is not null
                    then coalesce(j.dedupe_kind, 'bytes') else 'bytes' end as kind) w
     where j.refusal is null
  ), claimed as (
    -- In one order, so that no two batches wait for one another. The conflicting row is locked
    -- before it is compared: of two posts at once one waits and then sees the other. Bytes
    -- alone say "the same alert" only for a minute.
    insert into intake.alert_keys as held (source_id, kind, value, alert_id, first_seen_at)
    select distinct on (k.source_id, k.kind, k.value)
           k.source_id, k.kind, k.value, k.alert_id, k.received_at
      from keyed k
     order by k.source_id, k.kind, k.value, k.i
    on conflict (source_id, kind, value) do update
       set alert_id = excluded.alert_id, first_seen_at = excluded.first_seen_at
     where held.kind = 'bytes' and held.alert_id <> excluded.alert_id
       and excluded.first_seen_at >= held.first_seen_at + interval '60 seconds'
    returning held.alert_id
  ), stored as (
    insert into public.signals_raw
      (alert_id, correlation_id, org_id, source_id, received_at, body, content_type,
       remote_address, parsed, understood, reason_code, dedupe_kind, dedupe_value, source_time)
    select k.alert_id, k.alert_id, k.org_id, k.source_id, k.received_at, k.body, k.content_type,
           k.remote_address, k.parsed, k.parsed is not null,
           case when k.unread then 'NOT_READ'
                when not k.secret_given then 'SECRET_WRONG'
                when k.parsed is null then coalesce(k.reason_code, 'TEXT_NOT_UNDERSTOOD') end,
           k.kind, k.value, (k.parsed ->> 'source_time')::timestamptz
      from keyed k join claimed c on c.alert_id = k.alert_id
    returning alert_id
  )
  select array_agg(o.alert_id) filter (where o.alert_id is not null),
         count(*) filter (where j.refusal is null and o.alert_id is null),
         jsonb_agg(case when j.refusal is not null
           then jsonb_build_object('i', j.i, 'status', 'refused', 'code', j.refusal)
           else jsonb_build_object(
             'i', j.i, 'status', 'accepted', 'alert_id', j.alert_id,
             'correlation_id', j.alert_id, 'source_id', j.source_id,
             'rate_per_minute', j.rate_per_minute)
             || case when o.alert_id is null
                     then jsonb_build_object('kind', k.kind, 'value', k.value,
                                             'received_at', j.received_at)
                     else '{}' end end)
    into v_new, v_unsettled, v_answers
    from judged j
    left join keyed k on k.i = j.i
    left join stored o on o.alert_id = j.alert_id;

  -- A day: the bus must not expire what only a person may give up. Intake judges the age.
  perform bus.deliver_row(
            'intake', 'alert', r.alert_id,
            coalesce(nullif(upper(left(r.parsed ->> 'symbol_raw', 64)), ''), r.source_id),
            r.org_id, r.alert_id, 86400000)
     from public.signals_raw r where r.alert_id = any (v_new);
  if v_unsettled > 0 then
    v_answers := intake.settle_duplicates(p_items, v_answers);
  end if;
  return coalesce(v_answers, '[]');
end $$;
comment on function intake.accept_alerts(jsonb) is
  'Store posts verbatim, drop duplicates, hand the rest to intake; the head of its file tells items and answers. Refused: TR201 unknown token, TR202 revoked token, TR204 too fast, TR250 address not allowed.';
grant execute on function intake.accept_alerts(jsonb) to desk_api, edge_intake;
