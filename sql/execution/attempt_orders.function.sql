-- What the bridge needs to speak to the venue and to explain a fill, beside each verdict.
create or replace function execution.attempt_orders(p_verdicts jsonb, p_now timestamptz)
returns jsonb
language plpgsql stable as $$
begin
  -- Not language sql: that would be planned again at every call.
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', v.i, 'state', v.state, 'code', v.code, 'message', v.message,
             'worker_id', v.worker_id, 'epoch', v.epoch, 'attempt_id', a.attempt_id,
             'client_order_id', a.client_order_id, 'magic', a.magic::text,
             'attempt_state', a.state, 'opened_at', a.opened_at, 'as_of', p_now,
             'order_id', o.order_id, 'intent_id', o.intent_id,
             'correlation_id', o.correlation_id, 'org_id', o.org_id,
             'account_id', o.account_id, 'strategy_id', o.strategy_id, 'venue_id', o.venue_id,
             'symbol', o.symbol, 'side', o.side, 'order_type', o.order_type,
             'quantity', o.quantity::text, 'filled_quantity', o.filled_quantity::text,
             -- A stop's price is told as its price, too: it has no other.
             'limit_price', coalesce(o.limit_price, case o.order_type when 'stop'
                                                    then o.stop_price end)::text,
             'stop_price', o.stop_price::text,
             'trail_distance', o.trail_distance::text, 'good_till', o.good_till,
             'change', case when g.change_id is not null then jsonb_build_object(
               'change_id', g.change_id, 'kind', g.kind, 'wanted', g.wanted,
               'venue_order_id', o.venue_order_id,
               'requested_at', g.requested_at, 'attempted_at', g.attempted_at,
               -- Stops that this very call writes down as sent are sent; others are asked about.
               'send', g.attempted_at = p_now, 'authorized', g.intent_id is not null) end,
             'stop_loss', o.stop_loss::text,
             'take_profit', o.take_profit::text, 'reference_price', o.reference_price::text,
             'time_in_force', o.time_in_force, 'deviation_points', o.deviation_points,
             'reduce_only', o.reduce_only, 'mode', o.mode, 'status', o.status,
             'policy_hash', o.policy_hash, 'expires_at', o.expires_at,
             'kind', e.kind,
             -- What the venue is given to answer, and to own up to an attempt.
             'latency', execution.latency_baseline(o.venue_id, o.account_id, o.order_type),
             'call_timeout_s', c.connection ->> 'call_timeout_s',
             -- A worked order may get more: its last child alone never ends the alert.
             'children', (select count(*) from public.orders b
                           where b.intent_id = o.intent_id)
                         + (o.latency_class <> 'immediate')::int,
             -- A new attempt is made only after the venue was asked about those before it.
             'earlier', (select coalesce(jsonb_agg(jsonb_build_object(
                                  'attempt_id', b.attempt_id,
                                  'client_order_id', b.client_order_id,
                                  'magic', b.magic::text, 'opened_at', b.opened_at)), '[]')
                           from execution.attempts b
                          where b.order_id = o.order_id and b.attempt_id <> v.attempt_id
                            and b.state = 'answered' and v.state = 'opened'),
             -- What is sent for the first time has none.
             'known_trades', case when v.state = 'opened' and o.filled_quantity = 0 then '[]' else (
               select coalesce(jsonb_agg(f.venue_trade_id), '[]')
                 from public.fills f where f.order_id = o.order_id) end,
             'position_quantity', coalesce(p.quantity, 0)::text,
             'value_per_point', (n.contract_size * execution.conversion_rate(
                                  n.quote_currency, c.currency, o.symbol,
                                  o.reference_price))::text,
             'bid', q.bid::text, 'ask', q.ask::text,
             -- By what fills are made up in the shadow: as slow as the venue it stands for.
             'shadow', case when o.mode = 'shadow' then jsonb_build_object(
               'slippage_bps', c.connection ->> 'slippage_bps',
               'commission_per_lot', c.connection ->> 'commission_per_lot',
               'latency_ms', coalesce((c.connection ->> 'latency_ms')::int, (
                 select b.latency_p95_ms from public.venues m
                   join execution.venue_health b
                     on b.venue_id = m.mirrors and b.symbol = o.symbol
                  where m.venue_id = o.venue_id))) end) order by v.i), '[]')
      from jsonb_to_recordset(p_verdicts) as v(
        i int, state text, code text, message text, worker_id uuid, epoch bigint,
        attempt_id uuid, order_id uuid)
      left join public.orders o on o.order_id = v.order_id
      left join execution.attempts a on a.attempt_id = v.attempt_id and a.order_id = o.order_id
      left join execution.order_changes g on g.change_id = o.change_id
      left join public.intents e on e.intent_id = o.intent_id
      left join public.accounts c on c.account_id = o.account_id
      left join public.instruments n on n.symbol = o.symbol
      left join public.positions p on p.account_id = o.account_id and p.symbol = o.symbol
      left join public.latest_quotes q on q.venue_id = o.venue_id and q.symbol = o.symbol);
end $$;
comment on function execution.attempt_orders(jsonb, timestamptz) is
  'Describe attempts with their orders, positions and quotes. Called by other procedures only.';
