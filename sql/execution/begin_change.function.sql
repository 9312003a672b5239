-- One change at a time: a cancel takes the place of an update that waits. What the update had
-- reserved stays reserved, because the venue may have it by now; the order's end gives it back.
create or replace function execution.begin_change(
  p_order public.orders, p_change jsonb, p_agent text, p_at timestamptz
) returns void
language plpgsql as $$
declare
  v_kind text := p_change ->> 'kind';
  v_from text := p_order.status;
begin
  if p_order.change_id is not null then
    update execution.order_changes c
       set state = 'superseded', ended_at = p_at, message = 'a cancel was asked for'
     where c.change_id = p_order.change_id and c.state = 'pending'
    returning c.from_status into v_from;
    v_from := coalesce(v_from, 'accepted');
  end if;
  insert into execution.order_changes
    (change_id, order_id, org_id, kind, from_status, wanted, standing, intent_id,
     added_quantity, added_notional, reason, requested_by, requested_at)
  select x.change_id, p_order.order_id, p_order.org_id, v_kind, v_from,
         coalesce(x.wanted, '{}'), coalesce(x.standing, '{}'), x.intent_id,
         coalesce(x.added_quantity, 0), coalesce(x.added_notional, 0), x.reason, x.requested_by,
         p_at
    from jsonb_to_record(p_change) as x(
      change_id uuid, wanted jsonb, standing jsonb, intent_id uuid, added_quantity numeric,
      added_notional numeric, reason text, requested_by text);
  perform execution.move_orders(jsonb_build_array(jsonb_build_object(
    'order_id', p_order.order_id, 'code', p_change -> 'code',
    'to_status', case v_kind when 'modify' then 'pending_update'
                             when 'cancel' then 'pending_cancel'
                             -- The order is over; what it opened is what changes.
                             else p_order.status end,
    'message', left(p_change ->> 'reason', 500),
    'detail', jsonb_strip_nulls(
      p_change - 'reason' - 'kind' - 'code' || jsonb_build_object(
        'wanted', nullif(p_change -> 'wanted', '{}'),
        'standing', nullif(p_change -> 'standing', '{}'))))), p_agent, p_at);
  update public.orders o set change_id = (p_change ->> 'change_id')::uuid
   where o.order_id = p_order.order_id;
end $$;
comment on function execution.begin_change(public.orders, jsonb, text, timestamptz) is
  'Write down what is asked of a working order and let it wait for the venue. TR406: it does not work. Called by other procedures only.';
