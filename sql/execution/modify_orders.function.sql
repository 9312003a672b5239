-- Other terms for working orders, and other stops for what an order that is over has opened:
-- written down, then carried to the venue by the account's bridge. Terms that put more at stake
-- need a fresh authorisation, which is sought here; a refusal is an answer, so that what was
-- judged stays on record.
create or replace function execution.modify_orders(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_by text := execution.asking_person();
  v_item jsonb;
  v_change_id uuid;
  v_order public.orders;
  v_next public.orders;
  v_opened boolean;
  v_code text;
  v_intent_id uuid;
  v_added_quantity numeric;
  v_added_notional numeric;
  v_answers jsonb[] := '{}';
begin
  for v_item in
    select e.item from jsonb_array_elements(p_items) e(item) order by e.item ->> 'order_id'
  loop
    if coalesce(trim(v_item ->> 'reason'), '') = '' then
      raise exception 'a change needs a reason' using errcode = 'TR507';
    end if;
    v_change_id := coalesce((v_item ->> 'change_id')::uuid, bus.uuid7());
    v_order := execution.changeable_order((v_item ->> 'order_id')::uuid);
    if exists (select from execution.order_changes c where c.change_id = v_change_id) then
      v_answers := array_append(v_answers, (
        select jsonb_build_object('i', v_item -> 'i', 'order_id', c.order_id,
                                  'change_id', c.change_id, 'state', c.state,
                                  'status', v_order.status, 'code', c.code,
                                  'intent_id', c.intent_id, 'repeated', true)
          from execution.order_changes c where c.change_id = v_change_id));
      continue;
    end if;
    v_intent_id := null;
    v_added_quantity := 0;
    v_added_notional := 0;
    v_opened := v_order.filled_quantity > 0
                and v_order.status in ('filled', 'canceled', 'expired');
    v_code := case when v_opened then execution.stops_refusal(v_order, v_item -> 'wanted')
                   else execution.change_refusal(v_order, v_item -> 'wanted') end;
    if v_code is null then
      v_next := jsonb_populate_record(v_order, v_item -> 'wanted');
      if v_opened and execution.stop_widens(v_order, v_next) then
        select g.code, g.intent_id into v_code, v_intent_id
          from execution.authorize_stops(v_order, v_next, v_change_id) g;
      elsif not v_opened and execution.change_raises(v_order, v_next) then
        select g.code, g.intent_id, g.added_quantity, g.added_notional
          into v_code, v_intent_id, v_added_quantity, v_added_notional
          from execution.authorize_change(v_order, v_next, v_change_id) g;
      end if;
    end if;
    if v_code is null then
      perform execution.begin_change(v_order, jsonb_build_object(
        'change_id', v_change_id, 'kind', case when v_opened then 'stops' else 'modify' end,
        'wanted', v_item -> 'wanted',
        'standing', (select jsonb_object_agg(k, to_jsonb(v_order) -> k)
                       from jsonb_object_keys(v_item -> 'wanted') k),
        'intent_id', v_intent_id, 'added_quantity', v_added_quantity,
        'added_notional', v_added_notional, 'reason', v_item ->> 'reason',
        'requested_by', v_by), 'operator', v_now);
      perform execution.ask_about(v_order.order_id);
    end if;
    v_answers := array_append(v_answers, jsonb_build_object(
      'i', v_item -> 'i', 'order_id', v_order.order_id, 'change_id', v_change_id,
      'state', case when v_code is null then 'pending' else 'refused' end,
      'status', case when v_code is null and not v_opened then 'pending_update'
                     else v_order.status end,
      'code', v_code, 'intent_id', v_intent_id, 'repeated', false));
  end loop;
  return to_jsonb(v_answers);
end $$;
comment on function execution.modify_orders(jsonb) is
  'Ask for other terms of working orders, or other stops of what orders opened; more at stake is authorised afresh or refused with its code. Refusals TR225, TR226, TR402, TR411, TR418, TR420, TR421, TR512 and those of an authorisation. TR410: no such order. TR507: no reason.';
grant execute on function execution.modify_orders(jsonb) to desk_operator;
