-- What an algorithm decides by, derived from rows each time: nothing else is remembered, so that
-- a worked order goes on after any restart.
create or replace function execution.work_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text := (select p.policy_hash from risk.policies p where p.active);
  v_parent execution.parents;
  v_intent public.intents;
  v_facts jsonb[] := '{}';
begin
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    select p.* into v_parent from execution.parents p
     where p.slice_id = (p_items -> i ->> 'slice_id')::uuid
        or p.intent_id = (p_items -> i ->> 'intent_id')::uuid;
    select n.* into v_intent from public.intents n
     where n.intent_id = coalesce(v_parent.intent_id, (p_items -> i ->> 'intent_id')::uuid);
    v_facts := array_append(v_facts, jsonb_build_object(
      'i', p_items -> i -> 'i',
      'parent', case when v_parent.intent_id is not null then jsonb_build_object(
        'intent_id', v_parent.intent_id, 'algorithm', v_parent.algorithm,
        'latency_class', v_parent.latency_class, 'quantity', v_parent.quantity::text,
        'decision_price', v_parent.decision_price::text,
        'arrival_bid', v_parent.arrival_bid::text, 'arrival_ask', v_parent.arrival_ask::text,
        'starts_at', v_parent.starts_at, 'ends_at', v_parent.ends_at,
        'schedule', v_parent.schedule, 'terms', v_parent.terms, 'seed', v_parent.seed,
        'state', v_parent.state) end,
      'order', case when v_intent.intent_id is not null then jsonb_build_object(
        'strategy_id', v_intent.strategy_id, 'account_id', v_intent.account_id,
        'mode', v_intent.mode, 'venue_id', v_intent.venue_id, 'symbol', v_intent.symbol,
        'side', v_intent.side, 'order_type', v_intent.order_type,
        'reference_price', v_intent.reference_price::text,
        'stop_loss', v_intent.stop_loss::text, 'take_profit', v_intent.take_profit::text,
        'reduce_only', v_intent.reduce_only, 'policy_hash', v_intent.policy_hash) end,
      'child_refusal', execution.child_refusal(v_intent, v_policy_hash),
      'children', (
        select coalesce(jsonb_agg(jsonb_build_object(
                 'quantity', o.quantity::text, 'filled_quantity', o.filled_quantity::text,
                 'limit_price', o.limit_price::text, 'created_at', o.created_at,
                 'open', o.status not in ('filled', 'rejected', 'denied', 'canceled', 'expired',
                                          'not_sent')) order by o.child_index), '[]')
          from public.orders o where o.intent_id = v_parent.intent_id),
      'fills', (
        select coalesce(jsonb_agg(jsonb_build_object(
                 'filled_at', f.recorded_at, 'quantity', f.quantity::text,
                 'price', f.price::text, 'bid', s.bid::text, 'ask', s.ask::text)
                 order by f.recorded_at), '[]')
          from public.orders o
          join public.fills f on f.order_id = o.order_id
          left join execution.slices s on s.order_id = o.order_id
         where o.intent_id = v_parent.intent_id),
      -- How long the venue takes over what an algorithm sends, whatever that will be.
      'latencies', (select coalesce(jsonb_agg(b.latency), '[]')
                      from unnest(array['market', 'limit']) t(order_type)
                     cross join lateral execution.latency_baseline(
                             v_intent.venue_id, v_intent.account_id, t.order_type) b(latency)
                     where b.latency is not null),
      'market', execution.working_market(v_intent.venue_id, v_intent.symbol,
                                         coalesce(v_parent.starts_at, clock_timestamp()))));
  end loop;
  return to_jsonb(v_facts);
end $$;
comment on function execution.work_facts(jsonb) is
  'A worked order with its plan, children and fills, the market that it works in, and the code for which no child would be opened now.';
grant execute on function execution.work_facts(jsonb) to order_agent;
