-- The only way to a row in orders. Every halt scope is held shared until the commit: recording
-- a halt takes it exclusively, so nothing is opened under a halt and nothing opened before one
-- commits after it. A refusal raises; the caller's next look at order_facts explains it.
create or replace function execution.open_orders(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_scope record;
  v_intent public.intents;
  v_children jsonb;
  v_step record;
  v_code text;
  v_ids uuid[] := '{}';
  v_keys bigint[] := '{}';
  v_ready uuid[] := '{}';
  v_now timestamptz := clock_timestamp();
begin
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    select n.intent_id, array[
             hashtextextended('halt/platform/*', 0),
             hashtextextended('halt/organization/' || n.org_id, 0),
             hashtextextended('halt/venue/' || n.venue_id, 0),
             hashtextextended('halt/account/' || n.account_id, 0),
             hashtextextended('halt/strategy/' || n.strategy_id, 0),
             hashtextextended('halt/instrument/' || n.symbol, 0)] as keys
      into v_scope
      from public.intents n
     where n.intent_id = (p_items -> i ->> 'intent_id')::uuid;
    if found then
      v_ids := array_append(v_ids, v_scope.intent_id);
      v_keys := v_keys || v_scope.keys;
    end if;
  end loop;
  perform pg_advisory_xact_lock_shared(k.key)
     from (select distinct u.key from unnest(v_keys) u(key) order by 1) k;
  perform from public.intents n
    where n.intent_id = any (v_ids)
    order by n.intent_id
      for update;
  select p.policy_hash into v_policy_hash from risk.policies p where p.active;

  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_children := p_items -> i -> 'children';
    select n.* into v_intent from public.intents n
     where n.intent_id = (p_items -> i ->> 'intent_id')::uuid;
    if v_intent.state = 'authorized' then
      v_ready := array_append(v_ready, v_intent.intent_id);
    -- Orders that stand already are left out: asking again opens nothing twice.
    elsif exists (select from public.orders o
                   where o.intent_id = v_intent.intent_id
                     and o.order_id in (
                       select c.order_id from jsonb_to_recordset(v_children) as c(order_id uuid)))
    then
      continue;
    end if;
    v_code := execution.open_refusal(v_intent, v_policy_hash);
    if v_code is null then
      select s.volume_min, s.volume_max, s.volume_step into v_step
        from public.instruments s where s.symbol = v_intent.symbol;
      select case
               when count(*) = 0 or sum(c.quantity) > v_intent.authorized_quantity then 'TR413'
               when bool_or(c.quantity < v_step.volume_min or c.quantity > v_step.volume_max
                            or mod(c.quantity, v_step.volume_step) <> 0)
                 or count(*) <> count(distinct c.child_index) then 'TR418'
               when bool_or(c.expires_at <= v_now) then 'TR411'
             end
        into v_code
        from jsonb_to_recordset(v_children) as c(
          child_index int, quantity numeric, expires_at timestamptz);
    end if;
    if v_code is not null then
      raise exception 'intent % may not become orders', p_items -> i ->> 'intent_id'
        using errcode = v_code;
    end if;
  end loop;

  with opened as (
    insert into public.orders
      (order_id, intent_id, child_index, correlation_id, org_id, account_id, strategy_id,
       venue_id, symbol, side, order_type, quantity, limit_price, stop_loss, take_profit,
       reference_price, time_in_force, algorithm, latency_class, mode, reduce_only,
       deviation_points, status, policy_hash, created_at, updated_at, expires_at)
    select c.order_id, n.intent_id, c.child_index, n.correlation_id, n.org_id, n.account_id,
           n.strategy_id, n.venue_id, n.symbol, n.side, n.order_type, c.quantity, c.limit_price,
           n.stop_loss, n.take_profit, n.reference_price, c.time_in_force, c.algorithm,
           n.latency_class, n.mode, n.reduce_only, c.deviation_points, 'initialized',
           n.policy_hash, v_now, v_now, c.expires_at
      from jsonb_to_recordset(p_items) as x(intent_id uuid, children jsonb)
      -- A row by its key for each item, however small the table was when this was planned.
      cross join lateral (select * from public.intents i
                           where i.intent_id = x.intent_id offset 0) n
      cross join lateral jsonb_to_recordset(x.children) as c(
        order_id uuid, child_index int, quantity numeric, limit_price numeric,
        time_in_force text, algorithm text, deviation_points int, expires_at timestamptz)
     where x.intent_id = any (v_ready)
    on conflict (order_id) do nothing
    returning order_id, intent_id
  ), told as (
    insert into public.order_events
      (event_id, order_id, from_status, to_status, message, occurred_at, recorded_by)
    select gen_random_uuid(), o.order_id, null, 'initialized',
           'opened from an authorised intent', v_now, 'order'
      from opened o
  )
  update public.intents n set state = 'ordered'
   where n.intent_id in (select o.intent_id from opened o);
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'orders', (select count(*) from public.orders o
                                         where o.intent_id = x.intent_id))), '[]')
            from jsonb_to_recordset(p_items) as x(i int, intent_id uuid));
end $$;
comment on function execution.open_orders(jsonb) is
  'Open the child orders of authorised intents. TR401: not authorised. TR403: halted. TR408: over. TR413: more than authorised. TR302, TR303, TR318: no, stale or distant price. TR307: another policy.';
grant execute on function execution.open_orders(jsonb) to order_agent;
