-- More is at stake if more money would be spent, more could be lost at the stop, or the stop
-- goes. What only reduces a position cannot raise it, unless it grows.
create or replace function execution.change_raises(p_order public.orders, p_next public.orders)
returns boolean
language plpgsql immutable as $$
declare
  v_sign int := case p_order.side when 'BUY' then 1 else -1 end;
  v_old numeric := coalesce(p_order.limit_price, p_order.stop_price, p_order.reference_price);
  v_new numeric := coalesce(p_next.limit_price, p_next.stop_price, p_next.reference_price);
  v_held numeric := p_order.quantity - p_order.filled_quantity;
  v_held_next numeric := p_next.quantity - p_order.filled_quantity;
begin
  if p_next.quantity > p_order.quantity then
    return true;
  elsif p_order.reduce_only then
    return false;
  end if;
  return v_held_next * v_new > v_held * v_old
    or coalesce(p_next.trail_distance > p_order.trail_distance, false)
    or p_order.stop_loss is not null
       and (p_next.stop_loss is null
            or v_held_next * v_sign * (v_new - p_next.stop_loss)
               > v_held * v_sign * (v_old - p_order.stop_loss));
end $$;
comment on function execution.change_raises(public.orders, public.orders) is
  'Whether other terms put more at stake than the order''s own. Called by other procedures only.';
