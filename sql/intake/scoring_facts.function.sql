-- Bars travel once per symbol, timeframe and batch, and only if the worker's own are older:
-- `have` names what it holds as `M15@2026-11-21T03:30:00Z`.
create or replace function intake.scoring_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
-- Plans outlive the small tables they were made for: index lookups alone keep their price.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_policy_hash text;
  v_policy jsonb;
begin
  select p.policy_hash,
         (p.body -> 'scoring') || jsonb_build_object(
           'quote_age_ms_max', p.body #> '{health,quote_age_ms_max}')
    into v_policy_hash, v_policy
    from risk.policies p where p.active;
  return (
    with frame (timeframe, length) as materialized (
      values ('M1', interval '1 minute'), ('M3', interval '3 minutes'),
             ('M5', interval '5 minutes'), ('M15', interval '15 minutes'),
             ('M30', interval '30 minutes'), ('H1', interval '1 hour'),
             ('H4', interval '4 hours'), ('D1', interval '1 day'), ('W1', interval '7 days')
    ), item as materialized (
      select x.i, x.have, x.vector, v.review_id, v.reason_code as approved,
             g.signal_id, g.org_id, g.symbol, g.symbol_class, g.side, g.timeframe,
             g.strategy_id, case when v.review_id is not null then jsonb_build_object(
               'signal_id', g.signal_id, 'alert_id', g.alert_id, 'symbol', g.symbol,
               'symbol_class', g.symbol_class, 'side', g.side, 'order_type', g.order_type,
               'price', g.price::text, 'stop_loss', g.stop_loss::text,
               'take_profit', g.take_profit::text, 'quantity', g.quantity::text,
               'timeframe', g.timeframe, 'session', g.session, 'source_time', g.source_time,
               'received_at', g.received_at, 'strategy_id', g.strategy_id,
               'mode', g.mode) end as signal
        from jsonb_to_recordset(p_items) as x(
          i int, signal_id uuid, review_id uuid, have text, vector text)
        left join public.review_queue v
          on v.review_id = x.review_id and v.kind = 'signal' and v.state = 'approved'
        left join public.signals_normalized g on g.signal_id = coalesce(x.signal_id, v.subject_id)
    ), asked as materialized (
      select min(i.i) as i, i.symbol, i.timeframe, i.have
        from item i group by i.symbol, i.timeframe, i.have
    ), own as materialized (
      select a.i, a.symbol, a.timeframe, a.have, f.length, l.opened_at
        from asked a
        join frame f on f.timeframe = a.timeframe
        left join lateral (
          select m.opened_at from public.market_bars m
           where m.symbol = a.symbol and m.timeframe = a.timeframe
             and m.opened_at <= v_now - f.length
             and m.opened_at > v_now - greatest(400 * f.length, interval '7 days')
           order by m.opened_at desc limit 1) l on true
    ), read as materialized (
      select o.i, o.symbol, o.timeframe as asked_timeframe, o.have, o.timeframe, o.length,
             o.opened_at
        from own o where o.opened_at is not null
      union all
      -- Without bars of its own length: the next longer ones, else the next shorter.
      select o.i, o.symbol, o.timeframe, o.have, n.timeframe, n.length, n.opened_at
        from own o
        cross join lateral (
          select f.timeframe, f.length, l.opened_at
            from frame f
            cross join lateral (
              select m.opened_at from public.market_bars m
               where m.symbol = o.symbol and m.timeframe = f.timeframe
                 and m.opened_at <= v_now - f.length
                 and m.opened_at > v_now - greatest(400 * f.length, interval '7 days')
               order by m.opened_at desc limit 1) l
           where f.timeframe <> o.timeframe
           order by f.length < o.length, abs(extract(epoch from f.length - o.length))
           limit 1) n
       where o.opened_at is null
    ), bars as materialized (
      select r.i, r.symbol, r.asked_timeframe, r.have, r.timeframe, r.opened_at,
             r.timeframe || '@'
               || to_char(r.opened_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as ref
        from read r
    ), sent as materialized (
      select b.i, (
               select jsonb_agg(jsonb_build_array(
                        (extract(epoch from m.opened_at) * 1000000)::bigint,
                        m.open, m.high, m.low, m.close, m.volume, m.spread) order by m.opened_at)
                 from (select k.opened_at, k.open, k.high, k.low, k.close, k.volume, k.spread
                         from public.market_bars k
                        where k.symbol = b.symbol and k.timeframe = b.timeframe
                          and k.opened_at <= b.opened_at
                          and k.opened_at > b.opened_at - interval '1 day'
                                * greatest(7, 400 * extract(epoch from f.length) / 86400)
                        order by k.opened_at desc limit 200) m) as rows
        from bars b
        join frame f on f.timeframe = b.timeframe
       where b.have is distinct from b.ref
    ), past as materialized (
      -- What became of earlier signals, as far as it was known before now.
      select r.rationale_id, r.org_id, r.side, n.symbol_class, r.feature_vector, d.delta
        from (select distinct i.org_id from item i where i.vector is not null) o
        cross join lateral (
          select k.correlation_id, k.delta from public.decision_deltas k
           where k.org_id = o.org_id and k.closed_at < v_now
           order by k.closed_at desc limit 300) d
        join public.strategy_rationales r on r.correlation_id = d.correlation_id
        join public.instruments n on n.symbol = r.symbol
    ), alike as materialized (
      select q.vector, q.org_id, q.side, q.symbol_class,
             jsonb_agg(jsonb_build_object(
               'rationale_id', t.rationale_id, 'distance', t.distance::numeric(12, 6)::text,
               'delta', t.delta::text) order by t.distance, t.rationale_id) as precedents
        from (select distinct i.vector, i.org_id, i.side, i.symbol_class
                from item i where i.vector is not null) q
        cross join lateral (
          select p.rationale_id, p.delta,
                 p.feature_vector operator(extensions.<->) q.vector::extensions.vector as distance
            from past p
           where p.org_id = q.org_id and p.side = q.side and p.symbol_class = q.symbol_class
           order by 3, 1 limit 3) t
       group by q.vector, q.org_id, q.side, q.symbol_class
    )
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', i.i,
             'bars_ref', b.ref,
             'bars', s.rows,
             'quote', case when u.symbol is null then null else jsonb_build_object(
               'bid', u.bid::text, 'ask', u.ask::text, 'quoted_at', u.quoted_at,
               'received_at', u.received_at) end,
             'precedents', coalesce(a.precedents, '[]'),
             'approved', i.approved,
             'signal', i.signal,
             'prior', case when r.rationale_id is null then null else jsonb_build_object(
               'rationale_id', r.rationale_id, 'score', r.score::text,
               'confidence', r.confidence::text, 'axes', r.axes, 'sentence', r.sentence,
               'contributions', r.contributions, 'conflicts', r.conflicts,
               'precedents', r.precedents, 'weights_version', r.weights_version,
               'passed', r.passed) end,
             'policy', v_policy, 'policy_hash', v_policy_hash)), '[]')
      from item i
      left join bars b on b.symbol = i.symbol and b.asked_timeframe = i.timeframe
                      and b.have is not distinct from i.have
      left join sent s on s.i = i.i
      left join alike a on a.vector = i.vector and a.org_id = i.org_id and a.side = i.side
                       and a.symbol_class = i.symbol_class
      left join public.strategies t on t.strategy_id = i.strategy_id
      left join public.accounts c on c.account_id = t.account_id
      left join public.latest_quotes u on u.venue_id = c.venue_id and u.symbol = i.symbol
      left join public.strategy_rationales r on r.signal_id = i.signal_id);
end $$;
comment on function intake.scoring_facts(jsonb) is
  'Finished bars of a signal''s timeframe (or the next one that has any), last quote, precedents, threshold. Bars only once per batch and only when the caller''s are older.';
grant execute on function intake.scoring_facts(jsonb) to rationale_scorer_agent;
