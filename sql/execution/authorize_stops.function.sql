-- A wider stop is new risk: as if all that the order opened were opened now, at the market, with
-- that stop. What is held already counts beside it, so that nobody gets a wider stop where nobody
-- would get another position. A trim is a no, and what would need people's votes is not for this
-- way. Nothing is traded: what was granted is given back at once, and stays on record.
create or replace function execution.authorize_stops(
  p_order public.orders, p_next public.orders, p_change_id uuid,
  out code text, out intent_id uuid)
language plpgsql as $$
declare
  v_kind text := (select n.kind from public.intents n where n.intent_id = p_order.intent_id);
  v_price numeric := (
    select case p_order.side when 'BUY' then q.ask else q.bid end
      from public.latest_quotes q
     where q.venue_id = p_order.venue_id and q.symbol = p_order.symbol);
  v_approval numeric := (
    select (p.body #>> '{authority,human_approval_notional}')::numeric
      from risk.policies p where p.active);
  v_answer jsonb;
begin
  intent_id := bus.uuid7();
  v_answer := risk.authorize_intents(jsonb_build_array(jsonb_build_object(
    'i', 0, 'intent_id', intent_id, 'kind', v_kind,
    'correlation_id', p_order.correlation_id, 'org_id', p_order.org_id,
    'account_id', p_order.account_id, 'strategy_id', p_order.strategy_id,
    'venue_id', p_order.venue_id, 'symbol', p_order.symbol, 'side', p_order.side,
    'order_type', 'market', 'mode', p_order.mode, 'quantity', p_order.filled_quantity::text,
    'reference_price', coalesce(v_price, p_order.reference_price)::text,
    'stop_loss', p_next.stop_loss::text, 'take_profit', p_next.take_profit::text,
    'reduce_only', false, 'latency_class', 'immediate', 'exposure_deltas', '[]'::jsonb,
    'reason_codes', jsonb_build_array('stops:' || p_change_id::text)))) -> 0;
  code := case
    when v_answer ->> 'code' is not null then v_answer ->> 'code'
    when v_answer ->> 'decision' <> 'authorized' then 'TR309'
    when v_answer ->> 'risk_level' = 'CRITICAL'
      or (v_answer ->> 'highest_utilization')::numeric >= 0.8
      or ((v_answer ->> 'notional')::numeric <= v_approval) is not true then 'TR512' end;
  if v_answer ->> 'code' is null then
    update public.intents n
       set state = case when authorize_stops.code is null then 'ordered' else 'denied' end,
           denial_code = authorize_stops.code
     where n.intent_id = authorize_stops.intent_id;
    update risk.reservations r
       set remaining_quantity = 0, remaining_notional = 0, released_at = clock_timestamp(),
           released_by = 'order'
     where r.intent_id = authorize_stops.intent_id and r.released_at is null;
  end if;
end $$;
comment on function execution.authorize_stops(public.orders, public.orders, uuid) is
  'Authorise a wider stop of what an order opened, or say the code for which it is denied. Called by other procedures only.';
