-- Cancels pass halts: they only reduce. What was not sent ends at once; what the venue works
-- becomes pending_cancel, and an inquiry has the account's bridge carry it out.
create or replace function execution.cancel_orders(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_by text := execution.asking_person();
  v_item jsonb;
  v_order public.orders;
  v_answers jsonb[] := '{}';
begin
  for v_item in
    select e.item from jsonb_array_elements(p_items) e(item) order by e.item ->> 'order_id'
  loop
    if coalesce(trim(v_item ->> 'reason'), '') = '' then
      raise exception 'a cancel needs a reason' using errcode = 'TR507';
    end if;
    v_order := execution.changeable_order((v_item ->> 'order_id')::uuid);
    if v_order.status = 'initialized' then
      perform execution.move_orders(jsonb_build_array(jsonb_build_object(
        'order_id', v_order.order_id, 'to_status', 'canceled',
        'message', left(v_item ->> 'reason', 500),
        'detail', jsonb_build_object('requested_by', v_by))), 'operator', v_now);
      perform execution.close_orders(array[v_order.order_id], '[]', 'operator', v_now);
    elsif v_order.status in ('accepted', 'triggered', 'partially_filled', 'pending_update') then
      perform execution.begin_change(v_order, jsonb_build_object(
        'change_id', coalesce(v_item ->> 'change_id', bus.uuid7()::text), 'kind', 'cancel',
        'reason', v_item ->> 'reason', 'requested_by', v_by), 'operator', v_now);
      perform execution.ask_about(v_order.order_id);
    elsif v_order.status <> 'pending_cancel' then
      raise exception 'order % is %', v_order.order_id, v_order.status using errcode = 'TR402';
    end if;
    v_answers := array_append(v_answers, (
      select jsonb_build_object('i', v_item -> 'i', 'order_id', o.order_id, 'status', o.status,
                                'change_id', o.change_id,
                                'repeated', v_order.status = 'pending_cancel')
        from public.orders o where o.order_id = v_order.order_id));
  end loop;
  return to_jsonb(v_answers);
end $$;
comment on function execution.cancel_orders(jsonb) is
  'Cancel orders with a reason: unsent ones at once, working ones at the venue; asking again changes nothing. TR402: not working, or its attempt has no answer yet. TR410: no such order. TR507: no reason.';
grant execute on function execution.cancel_orders(jsonb) to desk_operator;
