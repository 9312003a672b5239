-- What a working order asks for of its own accord, whenever it is looked at: an end when its
-- time is over and the venue did not see to it; a trailing stop's next price. The terms were
-- authorised with the order: a trailing stop moves only closer to the market.
create or replace function execution.renew_working(p_order_ids uuid[], p_at timestamptz)
returns void
language plpgsql as $$
declare
  v_order public.orders;
  v_quote record;
  v_tick numeric;
  v_stop numeric;
begin
  for v_order in
    select o.* from public.orders o
     where o.order_id = any (p_order_ids)
       and o.status in ('accepted', 'triggered', 'partially_filled')
       and (o.good_till < p_at - interval '5 seconds' or o.order_type = 'trailing')
     order by o.account_id, o.order_id
  loop
    if v_order.good_till < p_at - interval '5 seconds' then
      perform execution.begin_change(v_order, jsonb_build_object(
        'change_id', bus.uuid7(), 'kind', 'cancel', 'code', 'TR411',
        'reason', 'it was good until ' || v_order.good_till::text,
        'requested_by', 'execution'), 'execution', p_at);
      continue;
    end if;
    continue when v_order.status = 'triggered';
    select q.bid, q.ask into v_quote
      from public.latest_quotes q
     where q.venue_id = v_order.venue_id and q.symbol = v_order.symbol
       and q.received_at > p_at - interval '10 seconds';
    continue when not found;
    select n.tick_size into v_tick from public.instruments n where n.symbol = v_order.symbol;
    if v_order.side = 'SELL' then
      v_stop := floor((v_quote.bid - v_order.trail_distance) / v_tick) * v_tick;
      continue when v_stop - v_order.stop_price < v_order.trail_distance / 20;
    else
      v_stop := ceil((v_quote.ask + v_order.trail_distance) / v_tick) * v_tick;
      continue when v_order.stop_price - v_stop < v_order.trail_distance / 20;
    end if;
    perform execution.begin_change(v_order, jsonb_build_object(
      'change_id', bus.uuid7(), 'kind', 'modify',
      'wanted', jsonb_build_object('stop_price', v_stop::text),
      'standing', jsonb_build_object('stop_price', v_order.stop_price::text),
      'reason', 'the market moved away from a trailing stop',
      'requested_by', 'execution'), 'execution', p_at);
  end loop;
end $$;
comment on function execution.renew_working(uuid[], timestamptz) is
  'Ask for the end of orders past their time and for the next price of trailing stops; the caller holds the orders. Called by other procedures only.';
