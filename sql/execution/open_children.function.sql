create or replace function execution.open_children(
  p_intent public.intents, p_parent execution.parents, p_children jsonb, p_at timestamptz
) returns text
language plpgsql as $$
declare
  v_step record;
  v_drawn numeric;
  v_code text;
begin
  if coalesce(jsonb_array_length(p_children), 0) = 0 then
    return null;
  end if;
  select s.volume_min, s.volume_max, s.volume_step into v_step
    from public.instruments s where s.symbol = p_intent.symbol;
  -- What is over counts by what was filled of it: the rest may be drawn again.
  select coalesce(sum(case when o.status in ('filled', 'rejected', 'denied', 'canceled', 'expired',
                                             'not_sent')
                           then o.filled_quantity else o.quantity end), 0) into v_drawn
    from public.orders o where o.intent_id = p_intent.intent_id;
  select case
           when v_drawn + sum(c.quantity) > least(p_parent.quantity, p_intent.authorized_quantity)
             then 'TR413'
           when bool_or(c.quantity < v_step.volume_min or c.quantity > v_step.volume_max
                        or mod(c.quantity, v_step.volume_step) <> 0
                        or (c.order_type = 'limit') <> (c.limit_price is not null)
                        or (c.time_in_force = 'GTD') <> (c.good_till is not null)) then 'TR418'
           when bool_or(c.expires_at <= p_at or c.expires_at > p_parent.ends_at
                        or c.good_till > p_parent.ends_at) then 'TR411'
         end
    into v_code
    from jsonb_to_recordset(p_children) as c(
      quantity numeric, order_type text, limit_price numeric, time_in_force text,
      good_till timestamptz, expires_at timestamptz);
  if v_code is not null then
    return v_code;
  end if;
  insert into public.orders
    (order_id, intent_id, child_index, correlation_id, org_id, account_id, strategy_id,
     venue_id, symbol, side, order_type, quantity, limit_price, stop_loss, take_profit,
     reference_price, time_in_force, good_till, algorithm, latency_class, mode, reduce_only,
     deviation_points, status, policy_hash, created_at, updated_at, expires_at)
  select c.order_id, p_intent.intent_id, c.child_index, p_intent.correlation_id, p_intent.org_id,
         p_intent.account_id, p_intent.strategy_id, p_intent.venue_id, p_intent.symbol,
         p_intent.side, c.order_type, c.quantity, c.limit_price, p_intent.stop_loss,
         p_intent.take_profit, p_intent.reference_price, c.time_in_force, c.good_till,
         p_parent.algorithm, p_intent.latency_class, p_intent.mode, p_intent.reduce_only,
         c.deviation_points, 'initialized', p_intent.policy_hash, p_at, p_at, c.expires_at
    from jsonb_to_recordset(p_children) as c(
      order_id uuid, child_index int, quantity numeric, order_type text, limit_price numeric,
      time_in_force text, good_till timestamptz, deviation_points int, expires_at timestamptz);
  insert into public.order_events
    (event_id, order_id, from_status, to_status, message, occurred_at, recorded_by)
  select gen_random_uuid(), c.order_id, null, 'initialized', 'opened by its algorithm: ' || c.why,
         p_at, 'order'
    from jsonb_to_recordset(p_children) as c(order_id uuid, why text);
  insert into execution.slices
    (order_id, intent_id, org_id, due_quantity, bid, ask, why, decided_at)
  select c.order_id, p_intent.intent_id, p_intent.org_id, c.due_quantity, c.bid, c.ask, c.why, p_at
    from jsonb_to_recordset(p_children) as c(
      order_id uuid, due_quantity numeric, bid numeric, ask numeric, why text);
  return null;
end $$;
comment on function execution.open_children(
  public.intents, execution.parents, jsonb, timestamptz) is
  'Open children of a worked order within what its reservation still covers, or return the code for which not. Called by other procedures only.';
