-- The order state machine is the table execution.order_transitions; what is not in it raises.
-- Moves of one order are given in their order; each writes its event. The last may carry the
-- order's new figures, so that the row is written once.
create or replace function execution.move_orders(
  p_moves jsonb, p_agent text, p_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_move jsonb;
  v_id text;
  v_from text;
  v_to text;
  v_held jsonb := '{}';
  v_counts jsonb := '{}';
  v_nr int;
  v_steps jsonb[] := '{}';
begin
  for i in 0 .. jsonb_array_length(p_moves) - 1 loop
    v_move := p_moves -> i;
    v_id := v_move ->> 'order_id';
    v_to := v_move ->> 'to_status';
    v_from := v_held ->> v_id;
    v_nr := coalesce((v_counts ->> v_id)::int, 0);
    if v_from is null then
      select o.status into v_from from public.orders o where o.order_id = v_id::uuid;
      continue when not found;
    end if;
    if not exists (
      select from execution.order_transitions t
       where t.from_status = v_from and t.to_status = v_to) then
      raise exception 'order % does not go from % to %', v_id, v_from, v_to
        using errcode = 'TR406';
    end if;
    v_steps := array_append(v_steps, v_move || jsonb_build_object(
      'from_status', v_from, 'nr', v_nr));
    v_held := v_held || jsonb_build_object(v_id, v_to);
    v_counts := v_counts || jsonb_build_object(v_id, v_nr + 1);
  end loop;
  if cardinality(v_steps) = 0 then
    return;
  end if;

  insert into public.order_events
    (event_id, order_id, from_status, to_status, code, message, detail, occurred_at,
     recorded_by)
  select gen_random_uuid(), x.order_id, x.from_status, x.to_status, x.code, x.message,
         coalesce(x.detail, '{}'),
         -- Steps of one order in one answer keep their order in time.
         p_at + x.nr * interval '1 microsecond', p_agent
    from unnest(v_steps) s(step)
    cross join lateral jsonb_to_record(s.step) as x(
      order_id uuid, from_status text, to_status text, code text, message text, detail jsonb,
      nr int);

  update public.orders o
     set status = s.step ->> 'to_status',
         status_reason = coalesce((s.step ->> 'code') || ': '
                                  || coalesce(s.step ->> 'message', ''), s.step ->> 'message'),
         quantity = coalesce((s.step #>> '{figures,quantity}')::numeric, o.quantity),
         filled_quantity = case when s.step ? 'figures'
           then (s.step #>> '{figures,filled_quantity}')::numeric else o.filled_quantity end,
         average_price = case when s.step ? 'figures'
           then (s.step #>> '{figures,average_price}')::numeric else o.average_price end,
         overfilled_quantity = coalesce((s.step #>> '{figures,overfilled_quantity}')::numeric,
                                        o.overfilled_quantity),
         venue_order_id = coalesce(s.step #>> '{figures,venue_order_id}', o.venue_order_id),
         updated_at = p_at
    from unnest(v_steps) s(step)
   where o.order_id = (s.step ->> 'order_id')::uuid
     -- The last step of each order.
     and (s.step -> 'nr')::int = (v_counts -> (s.step ->> 'order_id'))::int - 1;
end $$;
comment on function execution.move_orders(jsonb, text, timestamptz) is
  'Move orders along the transition table and write their events. TR406: no such transition. Called by other procedures only.';
