create or replace function audit.decision_story(p_correlation_id uuid) returns jsonb
language sql stable security invoker set search_path = '' as $$
  -- Runs with the reader's own rights: row-level security decides what the story may tell.
  select jsonb_build_object(
    'correlation_id', p_correlation_id,
    'outcome', (select to_jsonb(o) from public.alert_outcomes o
                 where o.correlation_id = p_correlation_id),
    'alert', (select jsonb_build_object(
                'alert_id', r.alert_id, 'source_id', r.source_id, 'org_id', r.org_id,
                'received_at', r.received_at, 'content_type', r.content_type,
                'remote_address', host(r.remote_address), 'bytes_hex', encode(r.body, 'hex'),
                'parsed', coalesce(d.parsed, r.parsed),
                'understood', coalesce(d.understood, r.understood),
                'reason_code', case when d.alert_id is null then r.reason_code
                                    else d.reason_code end)
                from public.signals_raw r
                left join intake.readings d on d.alert_id = r.alert_id
               where r.correlation_id = p_correlation_id),
    'signal', (select audit.exact(to_jsonb(n), 'public.signals_normalized')
                 from public.signals_normalized n where n.correlation_id = p_correlation_id),
    'rationale', (select audit.exact(to_jsonb(s), 'public.strategy_rationales') - 'feature_vector'
                    from public.strategy_rationales s
                   where s.correlation_id = p_correlation_id
                   order by s.scored_at desc limit 1),
    'reviews', (select coalesce(jsonb_agg(to_jsonb(v) order by v.opened_at), '[]')
                  from public.review_queue v where v.correlation_id = p_correlation_id),
    'hypothesis', (select audit.exact(to_jsonb(h), 'public.hypotheses')
                     from public.hypotheses h
                    where h.correlation_id = p_correlation_id
                    order by h.created_at desc limit 1),
    'opportunity', (select audit.exact(to_jsonb(p), 'public.opportunities')
                      from public.opportunities p
                     where p.correlation_id = p_correlation_id
                     order by p.created_at desc limit 1),
    'intents', (select coalesce(jsonb_agg(
                  audit.exact(to_jsonb(i), 'public.intents') || jsonb_build_object('checks',
                    (select coalesce(jsonb_agg(audit.exact(to_jsonb(c), 'public.risk_checks')
                                     order by c.limit_kind, c.scope, c.scope_id), '[]')
                       from public.risk_checks c where c.intent_id = i.intent_id))
                  order by i.created_at), '[]')
                  from public.intents i where i.correlation_id = p_correlation_id),
    'proposals', (select coalesce(jsonb_agg(
                    audit.exact(to_jsonb(q), 'public.proposals') || jsonb_build_object('votes',
                      (select coalesce(jsonb_agg(to_jsonb(w) - 'row_xid' order by w.cast_at), '[]')
                         from public.votes w where w.proposal_id = q.proposal_id))
                    order by q.opened_at), '[]')
                    from public.proposals q where q.correlation_id = p_correlation_id),
    'orders', (select coalesce(jsonb_agg(
                 audit.exact(to_jsonb(o), 'public.orders') || jsonb_build_object(
                   'events',
                     (select coalesce(jsonb_agg(to_jsonb(e) - 'row_xid' order by e.occurred_at), '[]')
                        from public.order_events e where e.order_id = o.order_id),
                   'fills',
                     (select coalesce(jsonb_agg(audit.exact(to_jsonb(f), 'public.fills')
                                      order by f.filled_at), '[]')
                        from public.fills f where f.order_id = o.order_id),
                   'delta',
                     (select audit.exact(to_jsonb(d), 'public.decision_deltas')
                        from public.decision_deltas d where d.order_id = o.order_id))
                 order by o.created_at, o.child_index), '[]')
                 from public.orders o where o.correlation_id = p_correlation_id),
    'compliance', (select coalesce(jsonb_agg(to_jsonb(a) order by a.raised_at), '[]')
                     from public.compliance_alerts a
                    where a.correlation_id = p_correlation_id),
    'decisions', (select coalesce(jsonb_agg(jsonb_build_object(
                    'trace_id', t.trace_id, 'agent', t.agent, 'msg_id', t.msg_id,
                    'heard', t.message_type, 'outcome', t.outcome, 'code', t.code,
                    'explanation', t.explanation, 'final_outcome', t.final_outcome,
                    'policy_hash', t.policy_hash, 'feature_hash', t.feature_hash,
                    'clock', t.clock, 'seed', t.seed::text,
                    'latency_us', t.latency_us::text, 'decided_at', t.decided_at)
                    order by t.decided_at, t.trace_id), '[]')
                    from public.decision_traces t
                   where t.correlation_id = p_correlation_id))
$$;
comment on function audit.decision_story(uuid) is
  'Everything that was decided about one alert, from its bytes to its fills, as one document; money and 64-bit integers are strings.';
grant execute on function audit.decision_story(uuid)
  to auditor, treasury_operator, desk_operator, desk_reader;
