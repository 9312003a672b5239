-- The order state machine is the table execution.order_transitions; what is not in it raises.
-- Moves of one order stand next to each other, in their order; each writes its event. The last
-- may carry the order's new figures, so that the row is written once. Whoever holds the order
-- and has just read it says `from_status`; the row must still say the same.
create or replace function execution.move_orders(
  p_moves jsonb, p_agent text, p_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_move jsonb;
  v_id text;
  v_last text := '';
  v_was text;
  v_from text;
  v_to text;
  v_nr int;
  v_allowed text[] := '{}';
  v_step int := 0;
  v_step_ids uuid[] := '{}';
  v_froms text[] := '{}';
  v_tos text[] := '{}';
  v_codes text[] := '{}';
  v_messages text[] := '{}';
  v_details jsonb[] := '{}';
  v_nrs int[] := '{}';
  -- Arrays, not a recordset: rows are then found by their keys, whatever the planner thinks.
  v_ids uuid[] := '{}';
  v_states text[] := '{}';
  v_wases text[] := '{}';
  v_reasons text[] := '{}';
  v_figures jsonb[] := '{}';
  v_end int := 0;
  v_written int;
begin
  for i in 0 .. jsonb_array_length(p_moves) - 1 loop
    v_move := p_moves -> i;
    v_id := v_move ->> 'order_id';
    v_to := v_move ->> 'to_status';
    if v_id <> v_last then
      v_was := v_move ->> 'from_status';
      if v_was is null then
        select o.status into v_was from public.orders o where o.order_id = v_id::uuid;
        continue when not found;
      end if;
      v_from := v_was;
      v_nr := 0;
    end if;
    if v_from || '>' || v_to <> all (v_allowed) then
      if not exists (select from execution.order_transitions t
                      where t.from_status = v_from and t.to_status = v_to) then
        raise exception 'order % does not go from % to %', v_id, v_from, v_to
          using errcode = 'TR406';
      end if;
      v_allowed := array_append(v_allowed, v_from || '>' || v_to);
    end if;
    v_step := v_step + 1;
    v_step_ids[v_step] := v_id;
    v_froms[v_step] := v_from;
    v_tos[v_step] := v_to;
    v_codes[v_step] := v_move ->> 'code';
    v_messages[v_step] := v_move ->> 'message';
    v_details[v_step] := coalesce(v_move -> 'detail', '{}');
    v_nrs[v_step] := v_nr;
    if v_nr = 0 then
      v_end := v_end + 1;
      v_ids[v_end] := v_id;
      v_wases[v_end] := v_was;
    end if;
    v_states[v_end] := v_to;
    v_reasons[v_end] := coalesce(v_codes[v_step] || ': ' || coalesce(v_messages[v_step], ''),
                                 v_messages[v_step]);
    v_figures[v_end] := v_move -> 'figures';
    v_last := v_id;
    v_from := v_to;
    v_nr := v_nr + 1;
  end loop;
  if v_step = 0 then
    return;
  end if;

  insert into public.order_events
    (event_id, order_id, from_status, to_status, code, message, detail, occurred_at,
     recorded_by)
  select gen_random_uuid(), x.order_id, x.from_status, x.to_status, x.code, x.message, x.detail,
         -- Steps of one order in one answer keep their order in time.
         p_at + x.nr * interval '1 microsecond', p_agent
    from unnest(v_step_ids, v_froms, v_tos, v_codes, v_messages, v_details, v_nrs)
           as x(order_id, from_status, to_status, code, message, detail, nr);

  update public.orders o
     set status = x.status,
         status_reason = x.reason,
         quantity = coalesce((x.figures ->> 'quantity')::numeric, o.quantity),
         filled_quantity = case when x.figures is not null
           then (x.figures ->> 'filled_quantity')::numeric else o.filled_quantity end,
         average_price = case when x.figures is not null
           then (x.figures ->> 'average_price')::numeric else o.average_price end,
         overfilled_quantity = coalesce((x.figures ->> 'overfilled_quantity')::numeric,
                                        o.overfilled_quantity),
         venue_order_id = coalesce(x.figures ->> 'venue_order_id', o.venue_order_id),
         updated_at = p_at
    from unnest(v_ids, v_states, v_wases, v_reasons, v_figures)
           as x(order_id, status, was, reason, figures)
   where o.order_id = x.order_id and o.status = x.was;
  get diagnostics v_written = row_count;
  if v_written <> v_end then
    raise exception 'an order has left the state that it was to be moved from'
      using errcode = 'TR406';
  end if;
end $$;
comment on function execution.move_orders(jsonb, text, timestamptz) is
  'Move orders along the transition table and write their events. TR406: no such transition. Called by other procedures only.';
