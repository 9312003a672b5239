-- p_moves: of execution.report_moves; `change` says how what was asked of the venue ended.
-- Applied terms become the order's. A reservation follows: what a refused change had added in
-- advance goes back, and what an applied one needs no more.
create or replace function execution.end_changes(p_moves jsonb, p_at timestamptz) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_move jsonb;
  v_state text;
  v_change execution.order_changes;
  v_order public.orders;
  v_given numeric;
begin
  for v_move in
    select m.move from jsonb_array_elements(p_moves) m(move)
     where m.move ? 'change' order by m.move ->> 'order_id'
  loop
    v_state := v_move #>> '{change,state}';
    update execution.order_changes c
       set state = v_state, ended_at = p_at,
           venue_position_id = v_move #>> '{change,position}', code = v_move #>> '{change,code}',
           message = left(v_move #>> '{change,message}', 500)
     where c.change_id = (v_move #>> '{change,change_id}')::uuid and c.state = 'pending'
    returning c.* into v_change;
    continue when not found;
    select o.* into v_order from public.orders o where o.order_id = v_change.order_id;
    if v_state = 'applied' and v_change.kind in ('modify', 'stops') then
      update public.orders o
         set quantity = x.quantity, limit_price = x.limit_price, stop_price = x.stop_price,
             trail_distance = x.trail_distance, stop_loss = x.stop_loss,
             take_profit = x.take_profit, good_till = x.good_till, change_id = null
        from jsonb_populate_record(v_order, v_change.wanted) x
       where o.order_id = v_order.order_id;
      v_given := greatest(coalesce((v_change.standing ->> 'quantity')::numeric
                                   - (v_change.wanted ->> 'quantity')::numeric, 0), 0);
    else
      update public.orders o set change_id = null where o.order_id = v_order.order_id;
      v_given := case v_state when 'refused' then v_change.added_quantity else 0 end;
    end if;
    continue when v_given = 0 and (v_state <> 'refused' or v_change.added_notional = 0);
    update risk.reservations r
       set quantity = r.quantity - v_given,
           remaining_quantity = greatest(r.remaining_quantity - v_given, 0),
           notional = n.notional,
           remaining_notional = least(r.remaining_notional, n.notional)
      from (select case when v_state = 'refused'
                        then greatest(h.notional - v_change.added_notional, 0)
                        else h.notional * (h.quantity - v_given) / h.quantity end as notional
              from risk.reservations h where h.intent_id = v_order.intent_id) n
     where r.intent_id = v_order.intent_id and r.released_at is null
       and r.quantity > v_given;
  end loop;
end $$;
comment on function execution.end_changes(jsonb, timestamptz) is
  'End what was asked of orders: new terms, and what is reserved for them. Called by other procedures only.';
