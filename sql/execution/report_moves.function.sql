-- Where each order goes after a report. Quantities decide before words: an order whose fills
-- reach its quantity is filled, whatever else was said. What says less than we know moves
-- nothing; what contradicts it is left to the transition table, which raises. The figures that
-- go with a move are derived from the ledger of fills, never added up; more than was ordered is
-- flagged in the event, and the position has all of it. Each order is said once.
create or replace function execution.report_moves(p_said jsonb, p_booked jsonb)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  r record;
  v_status text;
  v_target text;
  v_closed boolean;
  v_over boolean;
  v_stops boolean;
  v_change execution.order_changes;
  v_ended jsonb;
  v_ordered numeric;
  v_move jsonb;
  v_moves jsonb[] := '{}';
begin
  for r in
    select s.said ->> 'attempt_id' as attempt_id, s.said -> 'report' as report,
           s.said ->> 'venue_order_id' as venue_order_id, o.order_id, o.status, o.quantity,
           o.change_id, coalesce(f.quantity, 0) as filled, f.cost, coalesce(b.quantity, 0) as fresh,
           b.trades
      from jsonb_array_elements(p_said) with ordinality as s(said, nr)
      -- A row by its key for each item, however small the table was when this was planned.
      cross join lateral (
        select k.order_id, k.status, k.quantity, k.change_id
          from public.orders k where k.order_id = (s.said ->> 'order_id')::uuid offset 0) o
      left join lateral (
        select sum(k.quantity) as quantity, sum(k.quantity * k.price) as cost
          from public.fills k where k.order_id = o.order_id) f on true
      left join (
        select x.order_id, sum(x.quantity) as quantity, jsonb_agg(x.venue_trade_id) as trades
          from jsonb_to_recordset(p_booked) as x(
            order_id uuid, quantity numeric, venue_trade_id text)
         group by x.order_id) b on b.order_id = o.order_id
     order by s.nr
  loop
    v_status := r.report ->> 'status';
    v_ended := null;
    v_change := null;
    v_ordered := r.quantity;
    if r.change_id is not null then
      -- Something was asked of the venue: what it answered to that, and under which terms.
      select c.* into v_change
        from execution.order_changes c where c.change_id = r.change_id;
      if r.report #>> '{change,change_id}' = r.change_id::text
         and r.report #>> '{change,state}' in ('applied', 'refused') then
        v_ended := (r.report -> 'change') - 'wanted';
        if v_ended ->> 'state' = 'applied' then
          v_ordered := coalesce((v_change.wanted ->> 'quantity')::numeric, v_ordered);
        end if;
      end if;
    end if;
    v_closed := r.status in ('filled', 'rejected', 'denied', 'canceled', 'expired', 'not_sent');
    v_over := r.filled > v_ordered;
    v_target := case
      when r.filled >= v_ordered then 'filled'
      when v_closed and r.fresh > 0 then r.status
      when v_status in ('rejected', 'canceled', 'expired', 'not_sent') then v_status
      when v_closed then r.status
      -- Certainly not executed, and its time is not over: another attempt may be made.
      when v_status = 'again' then case when r.status = 'submitted' then 'initialized'
                                        else r.status end
      when v_status = 'partially_filled' and coalesce((r.report ->> 'final')::boolean, false)
        then 'canceled'
      when r.status in ('pending_update', 'pending_cancel')
        then case
          -- A cancel that went through is told as the order's end, not as a change.
          when v_ended ->> 'state' = 'refused'
            or v_ended is not null and v_change.kind = 'modify' and r.status = 'pending_update'
            then case when r.filled > 0 then 'partially_filled'
                      when v_status = 'triggered' then v_status
                      else v_change.from_status end
          else r.status end
      when v_status in ('filled', 'partially_filled', 'accepted', 'triggered')
        then case when r.filled > 0 then 'partially_filled'
                  when 'triggered' in (v_status, r.status) then 'triggered'
                  else 'accepted' end
      when v_status in ('unknown', 'not_found') and r.status = 'submitted' then 'unknown'
      else r.status end;
    v_stops := v_ended is not null and v_change.kind = 'stops';
    continue when v_target = r.status and r.fresh = 0 and not v_stops;
    if v_change.kind <> 'stops' and v_target in ('filled', 'rejected', 'canceled', 'expired') then
      v_ended := coalesce(v_ended, jsonb_build_object(
        'state', case when v_change.kind = 'cancel' and v_target = 'canceled' then 'applied'
                      else 'superseded' end,
        'message', 'the order is ' || v_target)) || jsonb_build_object(
        'change_id', r.change_id);
    end if;

    v_move := jsonb_build_object(
      'order_id', r.order_id, 'from_status', r.status, 'to_status', v_target,
      'code', case
        when v_over and r.fresh > 0 then 'TR407'
        when v_stops then v_ended ->> 'code'
        when v_target = 'filled' then null
        else coalesce(r.report ->> 'code', case v_target
          when 'rejected' then 'TR414' when 'expired' then 'TR411'
          when 'not_sent' then 'TR417' when 'unknown' then 'TR416' end) end,
      'message', case
        when v_over and r.fresh > 0 then format('filled %s of %s', r.filled, v_ordered)
        when v_closed and r.fresh > 0 then 'late fill'
        when v_ended ? 'message' then left(v_ended ->> 'message', 500)
        else coalesce(left(r.report ->> 'message', 500), v_status) end,
      'detail', jsonb_strip_nulls(jsonb_build_object(
        'attempt_id', r.attempt_id, 'retcode', r.report ->> 'retcode',
        'venue_order_id', r.report ->> 'venue_order_id', 'trades', r.trades,
        'late', case when v_closed and r.fresh > 0 then true end, 'change', v_ended)),
      'figures', jsonb_build_object(
        'filled_quantity', least(v_ordered, r.filled)::text,
        'quantity', case when v_ordered <> r.quantity then v_ordered::text end,
        'overfilled_quantity', greatest(r.filled - v_ordered, 0)::text,
        'average_price', (r.cost / nullif(r.filled, 0))::text,
        'venue_order_id', coalesce(r.venue_order_id, r.report ->> 'venue_order_id')));
    if v_ended is not null then
      v_move := v_move || jsonb_build_object('change', v_ended);
    end if;
    if r.fresh > 0 and v_target in ('rejected', 'canceled', 'expired')
       and not v_closed and r.status <> 'partially_filled' then
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
