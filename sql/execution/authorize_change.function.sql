-- Other terms that put more at stake are authorised like a new intent, for all that is not
-- filled: under the same locks, limits and halts, against the market of this moment. What the
-- order holds already is lent to the question, so that its own budget does not stand in its way;
-- what was granted on top stays with the order's reservation. A trim is a no: nobody asked for
-- half of it. What would need people's votes is not for this way.
create or replace function execution.authorize_change(
  p_order public.orders, p_next public.orders, p_change_id uuid,
  out code text, out intent_id uuid, out added_quantity numeric, out added_notional numeric)
language plpgsql as $$
declare
  v_held risk.reservations;
  v_intent public.intents;
  v_authority jsonb;
  v_lots numeric := p_next.quantity - p_order.filled_quantity;
  v_own numeric := p_order.quantity - p_order.filled_quantity;
  v_own_notional numeric;
  v_answer jsonb;
begin
  select r.* into v_held from risk.reservations r
   where r.intent_id = p_order.intent_id and r.released_at is null for update;
  if not found then
    code := 'TR401';
    return;
  end if;
  select n.* into v_intent from public.intents n where n.intent_id = p_order.intent_id;
  select p.body -> 'authority' into v_authority from risk.policies p where p.active;
  v_own := least(v_own, v_held.remaining_quantity);
  v_own_notional := v_held.notional * v_own / v_held.quantity;
  update risk.reservations r
     set remaining_quantity = v_held.remaining_quantity - v_own,
         remaining_notional = greatest(v_held.remaining_notional - v_own_notional, 0)
   where r.intent_id = p_order.intent_id;
  intent_id := bus.uuid7();
  v_answer := risk.authorize_intents(jsonb_build_array(jsonb_build_object(
    'i', 0, 'intent_id', intent_id, 'kind', v_intent.kind,
    'correlation_id', p_order.correlation_id, 'org_id', p_order.org_id,
    'account_id', p_order.account_id, 'strategy_id', p_order.strategy_id,
    'venue_id', p_order.venue_id, 'symbol', p_order.symbol, 'side', p_order.side,
    'order_type', case when p_order.order_type in ('stop_limit', 'trailing') then 'stop'
                       else p_order.order_type end,
    'mode', p_order.mode, 'quantity', v_lots::text,
    'reference_price', coalesce(p_next.limit_price, p_next.stop_price,
                                p_next.reference_price)::text,
    'stop_loss', p_next.stop_loss::text, 'take_profit', p_next.take_profit::text,
    'reduce_only', p_order.reduce_only, 'latency_class', p_order.latency_class,
    'exposure_deltas', '[]'::jsonb,
    'reason_codes', jsonb_build_array('change:' || p_change_id::text)))) -> 0;
  code := case
    when v_answer ->> 'code' is not null then v_answer ->> 'code'
    when v_answer ->> 'decision' <> 'authorized' then 'TR309'
    when v_answer ->> 'risk_level' = 'CRITICAL'
      or (v_answer ->> 'highest_utilization')::numeric >= 0.8
      or ((v_answer ->> 'notional')::numeric
          <= (v_authority ->> 'human_approval_notional')::numeric) is not true then 'TR512' end;
  added_quantity := p_next.quantity - p_order.quantity;
  added_notional := greatest((v_answer ->> 'notional')::numeric - v_own_notional, 0);
  update risk.reservations r
     set quantity = v_held.quantity + case when code is null then added_quantity else 0 end,
         remaining_quantity = v_held.remaining_quantity
                              + case when code is null then added_quantity else 0 end,
         notional = v_held.notional + case when code is null then added_notional else 0 end,
         remaining_notional = v_held.remaining_notional
                              + case when code is null then added_notional else 0 end
   where r.intent_id = p_order.intent_id;
  if v_answer ->> 'code' is null then
    -- The authority is used up, and what it held stands in the order's own reservation now.
    update public.intents n
       set state = case when authorize_change.code is null then 'ordered' else 'denied' end,
           denial_code = authorize_change.code
     where n.intent_id = authorize_change.intent_id;
    update risk.reservations r
       set remaining_quantity = 0, remaining_notional = 0, released_at = clock_timestamp(),
           released_by = 'order'
     where r.intent_id = authorize_change.intent_id and r.released_at is null;
  end if;
end $$;
comment on function execution.authorize_change(public.orders, public.orders, uuid) is
  'Authorise terms that put more at stake, or say the code for which they are denied. Called by other procedures only.';
