-- Where each order goes after a report. Quantities decide before words: an order whose fills
-- reach its quantity is filled, whatever else was said. What says less than we know moves
-- nothing; what contradicts it is left to the transition table, which raises. The figures that
-- go with a move are derived from the ledger of fills, never added up; more than was ordered is
-- flagged in the event, and the position has all of it.
create or replace function execution.report_moves(p_said jsonb, p_booked jsonb)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_last jsonb := '{}';
  v_said jsonb;
  v_report jsonb;
  v_id text;
  v_order record;
  v_sums record;
  v_fresh numeric;
  v_trades jsonb;
  v_status text;
  v_target text;
  v_closed boolean;
  v_over boolean;
  v_change execution.order_changes;
  v_ended jsonb;
  v_ordered numeric;
  v_move jsonb;
  v_moves jsonb[] := '{}';
begin
  for i in 0 .. jsonb_array_length(p_said) - 1 loop
    v_said := p_said -> i;
    v_id := v_said ->> 'order_id';
    v_last := v_last || jsonb_build_object(v_id, jsonb_build_array(
      i, greatest(v_last -> v_id ->> 1, v_said #>> '{report,venue_order_id}')));
  end loop;

  for i in 0 .. jsonb_array_length(p_said) - 1 loop
    v_said := p_said -> i;
    v_id := v_said ->> 'order_id';
    -- The last word about an order counts.
    continue when (v_last -> v_id -> 0)::int <> i;
    v_report := v_said -> 'report';
    v_status := v_report ->> 'status';
    v_fresh := 0;
    v_trades := '[]';
    for j in 0 .. jsonb_array_length(p_booked) - 1 loop
      if p_booked -> j ->> 'order_id' = v_id then
        v_fresh := v_fresh + (p_booked -> j ->> 'quantity')::numeric;
        v_trades := v_trades || (p_booked -> j -> 'venue_trade_id');
      end if;
    end loop;
    select o.status, o.quantity, o.change_id into v_order
      from public.orders o where o.order_id = v_id::uuid;
    select coalesce(sum(f.quantity), 0) as quantity, sum(f.quantity * f.price) as cost
      into v_sums
      from public.fills f where f.order_id = v_id::uuid;
    v_closed := v_order.status in ('filled', 'rejected', 'denied', 'canceled', 'expired',
                                   'not_sent');
    v_ended := null;
    v_change := null;
    v_ordered := v_order.quantity;
    if v_order.change_id is not null then
      -- Something was asked of the venue: what it answered to that, and under which terms.
      select c.* into v_change
        from execution.order_changes c where c.change_id = v_order.change_id;
      if v_report #>> '{change,change_id}' = v_order.change_id::text
         and v_report #>> '{change,state}' in ('applied', 'refused') then
        v_ended := (v_report -> 'change') - 'wanted';
        if v_ended ->> 'state' = 'applied' then
          v_ordered := coalesce((v_change.wanted ->> 'quantity')::numeric, v_ordered);
        end if;
      end if;
    end if;
    v_over := v_sums.quantity > v_ordered;
    v_target := case
      when v_sums.quantity >= v_ordered then 'filled'
      when v_closed and v_fresh > 0 then v_order.status
      when v_status in ('rejected', 'canceled', 'expired', 'not_sent') then v_status
      when v_closed then v_order.status
      -- Certainly not executed, and its time is not over: another attempt may be made.
      when v_status = 'again' then case when v_order.status = 'submitted' then 'initialized'
                                        else v_order.status end
      when v_status = 'partially_filled' and coalesce((v_report ->> 'final')::boolean, false)
        then 'canceled'
      when v_order.status in ('pending_update', 'pending_cancel')
        then case
          -- A cancel that went through is told as the order's end, not as a change.
          when v_ended ->> 'state' = 'refused'
            or v_ended is not null and v_change.kind = 'modify'
               and v_order.status = 'pending_update'
            then case when v_sums.quantity > 0 then 'partially_filled'
                      when v_status = 'triggered' then v_status
                      else v_change.from_status end
          else v_order.status end
      when v_status in ('filled', 'partially_filled', 'accepted', 'triggered')
        then case when v_sums.quantity > 0 then 'partially_filled'
                  when 'triggered' in (v_status, v_order.status) then 'triggered'
                  else 'accepted' end
      when v_status in ('unknown', 'not_found') and v_order.status = 'submitted' then 'unknown'
      else v_order.status end;
    continue when v_target = v_order.status and v_fresh = 0;
    if v_change.kind is not null and v_target in ('filled', 'rejected', 'canceled', 'expired') then
      v_ended := coalesce(v_ended, jsonb_build_object(
        'state', case when v_change.kind = 'cancel' and v_target = 'canceled' then 'applied'
                      else 'superseded' end,
        'message', 'the order is ' || v_target)) || jsonb_build_object(
        'change_id', v_order.change_id);
    end if;

    v_move := jsonb_build_object(
      'order_id', v_id, 'to_status', v_target,
      'code', case
        when v_over then 'TR407'
        when v_target = 'filled' then null
        else coalesce(v_report ->> 'code', case v_target
          when 'rejected' then 'TR414' when 'expired' then 'TR411'
          when 'not_sent' then 'TR417' when 'unknown' then 'TR416' end) end,
      'message', case
        when v_over then format('filled %s of %s', v_sums.quantity, v_ordered)
        when v_closed then 'late fill'
        when v_ended ? 'message' then left(v_ended ->> 'message', 500)
        else coalesce(left(v_report ->> 'message', 500), v_status) end,
      'detail', jsonb_strip_nulls(jsonb_build_object(
        'attempt_id', v_said ->> 'attempt_id', 'retcode', v_report ->> 'retcode',
        'venue_order_id', v_report ->> 'venue_order_id',
        'trades', nullif(v_trades, '[]'),
        'late', case when v_closed then true end, 'change', v_ended)),
      'figures', jsonb_build_object(
        'filled_quantity', least(v_ordered, v_sums.quantity)::text,
        'quantity', case when v_ordered <> v_order.quantity then v_ordered::text end,
        'overfilled_quantity', greatest(v_sums.quantity - v_ordered, 0)::text,
        'average_price', (v_sums.cost / nullif(v_sums.quantity, 0))::text,
        'venue_order_id', v_last -> v_id ->> 1));
    if v_ended is not null then
      v_move := v_move || jsonb_build_object('change', v_ended);
    end if;
    if v_fresh > 0 and v_target in ('rejected', 'canceled', 'expired')
       and not v_closed and v_order.status <> 'partially_filled' then
      -- Fills that leave a remainder are an event of their own before the order closes.
      v_moves := array_append(v_moves, v_move - 'figures' - 'change' || jsonb_build_object(
        'to_status', 'partially_filled', 'code', null));
    end if;
    v_moves := array_append(v_moves, v_move);
  end loop;
  return to_jsonb(v_moves);
end $$;
comment on function execution.report_moves(jsonb, jsonb) is
  'Derive the moves of orders, and the figures that go with them, from reports and newly booked fills. Called by other procedures only.';
