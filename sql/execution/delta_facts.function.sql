-- A closed order beside what was expected of it when it was decided.
create or replace function execution.delta_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_item jsonb;
  v_order record;
  v_hypothesis record;
  v_rationale record;
  v_health record;
  v_fills record;
  v_facts jsonb[] := '{}';
begin
  -- Row by row, by key: for the few items of a batch that costs less than one large query.
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> i;
    select o.order_id, o.correlation_id, o.status, o.side, o.quantity, o.reference_price,
           o.stop_loss, o.take_profit, o.reduce_only, o.created_at, o.updated_at, o.symbol,
           o.venue_id, o.account_id
      into v_order
      from public.orders o where o.order_id = (v_item ->> 'order_id')::uuid;
    select y.probability, y.hypothesis_id into v_hypothesis
      from public.hypotheses y
     where y.correlation_id = v_order.correlation_id order by y.created_at desc limit 1;
    select r.score, r.rationale_id into v_rationale
      from public.signals_normalized s
      join public.strategy_rationales r on r.signal_id = s.signal_id
     where s.correlation_id = v_order.correlation_id;
    select v.spread_bps, v.latency_p95_ms into v_health
      from execution.venue_health v
     where v.venue_id = v_order.venue_id and v.symbol = v_order.symbol;
    select count(*) as fills, sum(b.quantity) as quantity,
           sum(b.slippage_bps * b.quantity) / sum(b.quantity) as slippage_bps,
           max(b.latency_ms) as latency_ms, sum(b.realized_pnl - b.commission) as pnl,
           sum((b.attribution ->> 'total')::numeric) as shortfall,
           max(b.value_per_point) as value_per_point
      into v_fills
      from public.fills b where b.order_id = v_order.order_id;
    if v_order.stop_loss is not null and v_fills.value_per_point is null then
      select n.contract_size * execution.conversion_rate(
               n.quote_currency, c.currency, v_order.symbol, v_order.reference_price)
        into v_fills.value_per_point
        from public.instruments n, public.accounts c
       where n.symbol = v_order.symbol and c.account_id = v_order.account_id;
    end if;
    v_facts := array_append(v_facts, jsonb_build_object(
      'i', v_item -> 'i',
      'order', case when v_order.order_id is not null then jsonb_build_object(
        'status', v_order.status, 'side', v_order.side, 'quantity', v_order.quantity::text,
        'closed', v_order.status in ('filled', 'rejected', 'denied', 'canceled', 'expired',
                                     'not_sent'),
        'reference_price', v_order.reference_price::text,
        'stop_loss', v_order.stop_loss::text, 'take_profit', v_order.take_profit::text,
        'reduce_only', v_order.reduce_only, 'created_at', v_order.created_at,
        'updated_at', v_order.updated_at) end,
      'probability', v_hypothesis.probability::text,
      'score', v_rationale.score::text, 'rationale_id', v_rationale.rationale_id,
      'hypothesis_id', v_hypothesis.hypothesis_id,
      'fills', v_fills.fills, 'filled_quantity', coalesce(v_fills.quantity, 0)::text,
      'slippage_bps', v_fills.slippage_bps::text, 'latency_ms', v_fills.latency_ms,
      'pnl', coalesce(v_fills.pnl, 0)::text, 'shortfall', v_fills.shortfall::text,
      'risk_amount', (abs(v_order.reference_price - v_order.stop_loss) * v_order.quantity
                      * v_fills.value_per_point)::text,
      'expected_slippage_bps', (v_health.spread_bps / 2)::text,
      'expected_latency_ms', v_health.latency_p95_ms));
  end loop;
  return to_jsonb(v_facts);
end $$;
comment on function execution.delta_facts(jsonb) is
  'What an order did, beside probability, score and venue health that it was decided on.';
grant execute on function execution.delta_facts(jsonb) to feedback_agent;
