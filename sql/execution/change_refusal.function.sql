create or replace function execution.change_refusal(p_order public.orders, p_wanted jsonb)
returns text
language plpgsql stable as $$
declare
  v_next public.orders := jsonb_populate_record(p_order, p_wanted);
  v_step record;
  v_sign int := case p_order.side when 'BUY' then 1 else -1 end;
  v_entry numeric;
begin
  if p_order.status = 'pending_update' then
    return 'TR420';
  elsif p_order.status not in ('accepted', 'triggered', 'partially_filled') then
    return 'TR402';
  elsif p_wanted - array['quantity', 'limit_price', 'stop_price', 'trail_distance', 'stop_loss',
                         'take_profit', 'good_till'] <> '{}' then
    return 'TR418';
  elsif v_next is not distinct from p_order then
    return 'TR421';
  end if;
  select s.volume_min, s.volume_max, s.volume_step, s.tick_size into v_step
    from public.instruments s where s.symbol = p_order.symbol;
  v_entry := coalesce(v_next.limit_price, v_next.stop_price);
  return case
    when v_next.quantity is null or v_next.quantity <= p_order.filled_quantity
      or v_next.quantity not between v_step.volume_min and v_step.volume_max
      or mod(v_next.quantity, v_step.volume_step) <> 0 then 'TR418'
    -- What an order has no price for, it gets none; what it needs, it keeps.
    when (v_next.limit_price is null) <> (p_order.limit_price is null)
      or (v_next.stop_price is null) <> (p_order.stop_price is null)
      or (v_next.trail_distance is null) <> (p_order.trail_distance is null)
      or p_order.status = 'triggered' and v_next.stop_price is distinct from p_order.stop_price
      then 'TR418'
    when least(v_next.limit_price, v_next.stop_price, v_next.trail_distance, v_next.stop_loss,
               v_next.take_profit) <= 0
      or mod(coalesce(v_next.limit_price, 0), v_step.tick_size) <> 0
      or mod(coalesce(v_next.stop_price, 0), v_step.tick_size) <> 0 then 'TR418'
    when v_next.good_till is distinct from p_order.good_till
      and (p_order.time_in_force <> 'GTD' or v_next.good_till is null
           or v_next.good_till <= clock_timestamp()) then 'TR411'
    when v_sign * (v_entry - v_next.stop_loss) <= 0 then 'TR225'
    when v_sign * (v_next.take_profit - v_entry) <= 0 then 'TR226' end;
end $$;
comment on function execution.change_refusal(public.orders, jsonb) is
  'The code for which an order does not get these terms, or null. Called by other procedures only.';
