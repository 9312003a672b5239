create or replace function execution.stops_refusal(p_order public.orders, p_wanted jsonb)
returns text
language plpgsql stable as $$
declare
  v_next public.orders := jsonb_populate_record(p_order, p_wanted);
  v_sign int := case p_order.side when 'BUY' then 1 else -1 end;
  v_tick numeric;
  v_price numeric;
begin
  if p_order.change_id is not null then
    return 'TR420';
  elsif p_order.reduce_only or not exists (
          select from execution.attempts a
           where a.order_id = p_order.order_id and a.state = 'answered') then
    -- It opened nothing, or nobody of ours did.
    return 'TR402';
  elsif p_wanted - array['stop_loss', 'take_profit'] <> '{}' then
    return 'TR418';
  elsif v_next is not distinct from p_order then
    return 'TR421';
  end if;
  select n.tick_size into v_tick from public.instruments n where n.symbol = p_order.symbol;
  -- The side at which the position would be closed; without a quote the venue says it.
  select case p_order.side when 'BUY' then q.bid else q.ask end into v_price
    from public.latest_quotes q
   where q.venue_id = p_order.venue_id and q.symbol = p_order.symbol;
  return case
    when least(v_next.stop_loss, v_next.take_profit) <= 0
      or mod(coalesce(v_next.stop_loss, 0), v_tick) <> 0
      or mod(coalesce(v_next.take_profit, 0), v_tick) <> 0 then 'TR418'
    when p_wanted ? 'stop_loss' and v_sign * (v_price - v_next.stop_loss) <= 0 then 'TR225'
    when p_wanted ? 'take_profit' and v_sign * (v_next.take_profit - v_price) <= 0 then 'TR226'
    when v_sign * (v_next.take_profit - v_next.stop_loss) <= 0 then 'TR226' end;
end $$;
comment on function execution.stops_refusal(public.orders, jsonb) is
  'The code for which the position that an order opened does not get these stops, or null. Called by other procedures only.';
