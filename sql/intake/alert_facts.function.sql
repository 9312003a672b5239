create or replace function intake.alert_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
-- Plans outlive the small tables they were made for: index lookups alone keep their price.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
begin
  -- An item names an alert, or the approved review that sends one on. What was read after the
  -- answer counts for alerts whose door did not read them.
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i,
             'approved', v.reason_code,
             'alert', case when r.alert_id is null then null else jsonb_build_object(
               'alert_id', r.alert_id, 'org_id', r.org_id, 'source_id', r.source_id,
               'received_at', r.received_at,
               'understood', coalesce(d.understood, r.understood),
               'reason_code', case when d.alert_id is null then r.reason_code
                                   else d.reason_code end,
               'dedupe_kind', coalesce(d.dedupe_kind, r.dedupe_kind),
               'parsed', coalesce(d.parsed, r.parsed),
               'body_sha256', encode(sha256(r.body), 'hex'))
               -- Bodies stay where they are, but for those that somebody still has to read.
               || case when d.alert_id is null and not r.understood
                        then jsonb_build_object('content_type', r.content_type,
                                                'body', encode(r.body, 'base64'))
                       else '{}' end end,
             'source', case when s.source_id is null then null else jsonb_build_object(
               'state', s.state, 'max_age_ms', s.max_age_ms) end,
             'strategy', case when t.strategy_id is null then null else jsonb_build_object(
               'strategy_id', t.strategy_id, 'mode', t.mode, 'state', t.state) end)), '[]')
      from jsonb_to_recordset(p_items) as x(i int, alert_id uuid, review_id uuid)
      left join public.review_queue v
        on v.review_id = x.review_id and v.kind = 'alert' and v.state = 'approved'
      left join public.signals_raw r on r.alert_id = coalesce(x.alert_id, v.subject_id)
      left join intake.readings d on d.alert_id = r.alert_id
      left join intake.sources s on s.source_id = r.source_id
      left join public.strategies t on t.strategy_id = s.strategy_id);
end $$;
comment on function intake.alert_facts(jsonb) is
  'Alerts as stored or read since, with their source and its strategy; of bodies only the hash, unless they are still to be read.';
grant execute on function intake.alert_facts(jsonb) to intake_agent;
