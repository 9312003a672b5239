-- The only way to a row in orders. Every halt scope is held shared until the commit: recording
-- a halt takes it exclusively, so nothing is opened under a halt and nothing opened before one
-- commits after it. A refusal raises; the caller's next look at order_facts explains it.
-- A child may be of another type than its intent (order_type, limit_price, stop_price,
-- trail_distance, good_till); a type without the prices that it needs is refused.
create or replace function execution.open_orders(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_intent public.intents;
  v_asked record;
  v_key text;
  v_last text := '';
  v_market text;
  v_code text;
  v_ids uuid[] := '{}';
  v_ready uuid[] := '{}';
  v_now timestamptz := clock_timestamp();
begin
  v_ids := array(select (x.item ->> 'intent_id')::uuid from jsonb_array_elements(p_items) x(item));
  perform pg_advisory_xact_lock_shared(k.key)
     from (select distinct hashtextextended(u.scope, 0) as key
             from public.intents n
            cross join lateral unnest(array[
              'halt/platform/*', 'halt/organization/' || n.org_id, 'halt/venue/' || n.venue_id,
              'halt/account/' || n.account_id, 'halt/strategy/' || n.strategy_id,
              'halt/instrument/' || n.symbol]) u(scope)
            where n.intent_id = any (v_ids)
            order by 1) k;
  perform from public.intents n
    where n.intent_id = any (v_ids)
    order by n.intent_id
      for update;
  select p.policy_hash into v_policy_hash from risk.policies p where p.active;

  for v_asked in
    select x.item ->> 'intent_id' as intent_id, x.item -> 'children' as children, n.intent,
           s.volume_min, c.*
      from jsonb_array_elements(p_items) with ordinality as x(item, nr)
      -- A row by its key for each item, however small the table was when this was planned.
      left join lateral (
        select k as intent from public.intents k
         where k.intent_id = (x.item ->> 'intent_id')::uuid offset 0) n on true
      left join lateral (
        select k.volume_min, k.volume_max, k.volume_step from public.instruments k
         where k.symbol = (n.intent).symbol offset 0) s on true
      left join lateral (
        select count(*) as count, count(distinct k.child_index) as places,
               sum(k.quantity) as quantity,
               bool_or(k.quantity < s.volume_min or k.quantity > s.volume_max
                       or mod(k.quantity, s.volume_step) <> 0) as off_step,
               bool_or(k.expires_at <= v_now or k.good_till <= v_now) as over,
               bool_or(case coalesce(k.order_type, (n.intent).order_type)
                 when 'limit' then k.limit_price is null
                 when 'stop' then coalesce(k.stop_price, k.limit_price) is null
                 when 'stop_limit' then k.limit_price is null or k.stop_price is null
                 when 'trailing' then k.stop_price is null
                                   or (k.trail_distance > 0) is not true
                 else false end
                 or (k.time_in_force = 'GTD') <> (k.good_till is not null)) as unpriced
          from jsonb_to_recordset(x.item -> 'children') as k(
            child_index int, quantity numeric, order_type text, limit_price numeric,
            stop_price numeric, trail_distance numeric, time_in_force text,
            good_till timestamptz, expires_at timestamptz)) c on true
     order by x.nr
  loop
    v_intent := v_asked.intent;
    if v_intent.state = 'authorized' then
      v_ready := array_append(v_ready, v_intent.intent_id);
    -- Orders that stand already are left out: asking again opens nothing twice.
    elsif exists (select from public.orders o
                   where o.intent_id = v_intent.intent_id
                     and o.order_id in (
                       select c.order_id
                         from jsonb_to_recordset(v_asked.children) as c(order_id uuid)))
    then
      continue;
    end if;
    v_code := execution.authority_refusal(v_intent, v_policy_hash);
    if v_code is null then
      v_key := concat_ws('/', v_intent.org_id, v_intent.account_id, v_intent.strategy_id,
                         v_intent.venue_id, v_intent.symbol, v_intent.reference_price,
                         v_intent.reduce_only);
      if v_key <> v_last then
        -- Once for all that share halts, account, quote and price: they often come together.
        v_last := v_key;
        v_market := execution.market_refusal(v_intent, v_policy_hash);
      end if;
      v_code := v_market;
    end if;
    v_code := coalesce(v_code, case
      when v_asked.count = 0 or v_asked.quantity > v_intent.authorized_quantity then 'TR413'
      when v_asked.off_step or v_asked.unpriced or v_asked.count <> v_asked.places then 'TR418'
      when v_asked.over then 'TR411' end);
    if v_code is not null then
      raise exception 'intent % may not become orders', v_asked.intent_id
        using errcode = v_code;
    end if;
  end loop;

  with opened as (
    insert into public.orders
      (order_id, intent_id, child_index, correlation_id, org_id, account_id, strategy_id,
       venue_id, symbol, side, order_type, quantity, limit_price, stop_price, trail_distance,
       stop_loss, take_profit, reference_price, time_in_force, good_till, algorithm,
       latency_class, mode, reduce_only, deviation_points, status, policy_hash, created_at,
       updated_at, expires_at)
    select c.order_id, n.intent_id, c.child_index, n.correlation_id, n.org_id, n.account_id,
           n.strategy_id, n.venue_id, n.symbol, n.side, t.order_type, c.quantity,
           -- A stop's price stands where it triggers, wherever it was said.
           case t.order_type when 'stop' then null else c.limit_price end,
           case t.order_type when 'stop' then coalesce(c.stop_price, c.limit_price)
                             else c.stop_price end, c.trail_distance,
           n.stop_loss, n.take_profit, n.reference_price, c.time_in_force, c.good_till,
           c.algorithm,
           n.latency_class, n.mode, n.reduce_only, c.deviation_points, 'initialized',
           n.policy_hash, v_now, v_now, c.expires_at
      from jsonb_to_recordset(p_items) as x(intent_id uuid, children jsonb)
      -- A row by its key for each item, however small the table was when this was planned.
      cross join lateral (select * from public.intents i
                           where i.intent_id = x.intent_id offset 0) n
      cross join lateral jsonb_to_recordset(x.children) as c(
        order_id uuid, child_index int, quantity numeric, order_type text, limit_price numeric,
        stop_price numeric, trail_distance numeric, time_in_force text, good_till timestamptz,
        algorithm text, deviation_points int, expires_at timestamptz)
      cross join lateral (select coalesce(c.order_type, n.order_type) as order_type) t
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
