create or replace function execution.order_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy record;
  v_intent public.intents;
  v_step record;
  v_facts jsonb[] := '{}';
begin
  select p.policy_hash, p.body -> 'slicing' as slicing, p.body -> 'execution' as execution
    into v_policy
    from risk.policies p where p.active;
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    select n.* into v_intent from public.intents n
     where n.intent_id = (p_items -> i ->> 'intent_id')::uuid;
    select s.symbol, s.volume_min, s.volume_max, s.volume_step into v_step
      from public.instruments s where s.symbol = v_intent.symbol;
    v_facts := array_append(v_facts, jsonb_build_object(
      'i', p_items -> i -> 'i',
      'intent', case when v_intent.intent_id is not null then jsonb_build_object(
        'state', v_intent.state, 'authorized_quantity', v_intent.authorized_quantity::text,
        'expires_at', v_intent.expires_at, 'policy_hash', v_intent.policy_hash,
        'side', v_intent.side, 'symbol', v_intent.symbol, 'venue_id', v_intent.venue_id,
        'account_id', v_intent.account_id, 'kind', v_intent.kind) end,
      'instrument', case when v_step.symbol is not null then jsonb_build_object(
        'volume_min', v_step.volume_min::text, 'volume_max', v_step.volume_max::text,
        'volume_step', v_step.volume_step::text) end,
      'refusal', execution.open_refusal(v_intent, v_policy.policy_hash),
      'ordered', (select count(*) from public.orders o where o.intent_id = v_intent.intent_id),
      'slicing', v_policy.slicing, 'execution', v_policy.execution,
      'policy_hash', v_policy.policy_hash));
  end loop;
  return to_jsonb(v_facts);
end $$;
comment on function execution.order_facts(jsonb) is
  'What an order is cut by: the intent as authorised, the instrument''s steps, the pack, and the code for which no order would be opened now.';
grant execute on function execution.order_facts(jsonb) to order_agent;
