-- The only way to a row in orders. Every halt scope is held shared until the commit: recording
-- a halt takes it exclusively, so nothing is opened under a halt and nothing opened before one
-- commits after it. A refusal raises; the caller's next look at order_facts explains it.
create or replace function execution.open_orders(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_bad record;
  v_now timestamptz := clock_timestamp();
begin
  perform pg_advisory_xact_lock_shared(k.key)
     from (select distinct hashtextextended('halt/' || s.scope || '/' || s.scope_id, 0) as key
             from public.intents n
             cross join lateral (values
               ('platform', '*'), ('organization', n.org_id), ('venue', n.venue_id),
               ('account', n.account_id), ('strategy', n.strategy_id),
               ('instrument', n.symbol)) s(scope, scope_id)
            where n.intent_id in (select x.intent_id
                                    from jsonb_to_recordset(p_items) as x(intent_id uuid))
            order by 1) k;
  perform from public.intents n
    where n.intent_id in (select x.intent_id
                            from jsonb_to_recordset(p_items) as x(intent_id uuid))
    order by n.intent_id
      for update;
  select p.policy_hash into v_policy_hash from risk.policies p where p.active;

  -- Orders that stand already are left out: asking again opens nothing twice.
  with item as (
    select x.intent_id, x.children from jsonb_to_recordset(p_items) as x(
      intent_id uuid, children jsonb)
     where not exists (
       select from public.orders o
        join jsonb_to_recordset(x.children) as c(order_id uuid) on c.order_id = o.order_id
        where o.intent_id = x.intent_id)
  )
  select i.intent_id, j.code into v_bad
    from item i
    left join public.intents n on n.intent_id = i.intent_id
    left join public.instruments s on s.symbol = n.symbol
    cross join lateral (
      select coalesce(
               execution.open_refusal(n, v_policy_hash),
               (select case
                         when sum(c.quantity) > n.authorized_quantity then 'TR413'
                         when bool_or(c.quantity < s.volume_min or c.quantity > s.volume_max
                                      or mod(c.quantity, s.volume_step) <> 0)
                           or count(*) <> count(distinct c.child_index) then 'TR418'
                         when bool_or(c.expires_at <= v_now) then 'TR411'
                       end
                  from jsonb_to_recordset(i.children) as c(
                    child_index int, quantity numeric, expires_at timestamptz)),
               case when jsonb_array_length(i.children) = 0 then 'TR413' end) as code) j
   where j.code is not null
   limit 1;
  if found then
    raise exception 'intent % may not become orders', v_bad.intent_id using errcode = v_bad.code;
  end if;

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
      join public.intents n on n.intent_id = x.intent_id and n.state = 'authorized'
      cross join lateral jsonb_to_recordset(x.children) as c(
        order_id uuid, child_index int, quantity numeric, limit_price numeric,
        time_in_force text, algorithm text, deviation_points int, expires_at timestamptz)
    on conflict (order_id) do nothing
    returning order_id, intent_id
  ), told as (
    insert into public.order_events
      (event_id, order_id, from_status, to_status, message, occurred_at, recorded_by)
    select bus.uuid7(), o.order_id, null, 'initialized', 'opened from an authorised intent',
           v_now, 'order'
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
