-- A closed order beside what was expected of it when it was decided.
create or replace function execution.delta_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  -- Not language sql: that would be planned again at every call.
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i,
             'order', case when o.order_id is null then null else jsonb_build_object(
               'status', o.status, 'side', o.side, 'quantity', o.quantity::text,
               'closed', o.status in ('filled', 'rejected', 'denied', 'canceled', 'expired',
                                      'not_sent'),
               'reference_price', o.reference_price::text, 'stop_loss', o.stop_loss::text,
               'take_profit', o.take_profit::text, 'reduce_only', o.reduce_only,
               'created_at', o.created_at, 'updated_at', o.updated_at) end,
             'probability', h.probability::text,
             'score', r.score::text, 'rationale_id', r.rationale_id,
             'hypothesis_id', h.hypothesis_id,
             'fills', coalesce(f.fills, 0), 'filled_quantity', coalesce(f.quantity, 0)::text,
             'slippage_bps', f.slippage_bps::text, 'latency_ms', f.latency_ms,
             'pnl', coalesce(f.pnl, 0)::text, 'shortfall', f.shortfall::text,
             'risk_amount', case when o.stop_loss is not null then (
               abs(o.reference_price - o.stop_loss) * o.quantity * coalesce(
                 f.value_per_point,
                 n.contract_size * execution.conversion_rate(
                   n.quote_currency, c.currency, o.symbol, o.reference_price)))::text end,
             'expected_slippage_bps', (v.spread_bps / 2)::text,
             'expected_latency_ms', v.latency_p95_ms) order by x.i), '[]')
      from jsonb_to_recordset(p_items) as x(i int, order_id uuid)
      left join public.orders o on o.order_id = x.order_id
      left join public.accounts c on c.account_id = o.account_id
      left join public.instruments n on n.symbol = o.symbol
      left join public.signals_normalized s on s.correlation_id = o.correlation_id
      left join public.strategy_rationales r on r.signal_id = s.signal_id
      left join lateral (
        select y.probability, y.hypothesis_id from public.hypotheses y
         where y.correlation_id = o.correlation_id order by y.created_at desc limit 1) h on true
      left join execution.venue_health v on v.venue_id = o.venue_id and v.symbol = o.symbol
      left join lateral (
        select count(*) as fills, sum(b.quantity) as quantity,
               sum(b.slippage_bps * b.quantity) / sum(b.quantity) as slippage_bps,
               max(b.latency_ms) as latency_ms, sum(b.realized_pnl - b.commission) as pnl,
               sum((b.attribution ->> 'total')::numeric) as shortfall,
               max(b.value_per_point) as value_per_point
          from public.fills b where b.order_id = o.order_id) f on true);
end $$;
comment on function execution.delta_facts(jsonb) is
  'What an order did, beside probability, score and venue health that it was decided on.';
grant execute on function execution.delta_facts(jsonb) to feedback_agent;
