create or replace function execution.plan_parent(
  p_intent public.intents, p_plan jsonb, p_at timestamptz
) returns execution.parents
language plpgsql as $$
declare
  v_parent execution.parents;
begin
  insert into execution.parents
    (intent_id, correlation_id, org_id, account_id, symbol, algorithm, latency_class, why,
     quantity, decision_price, arrival_bid, arrival_ask, starts_at, ends_at, schedule, terms,
     seed, state, look_at)
  select p_intent.intent_id, p_intent.correlation_id, p_intent.org_id, p_intent.account_id,
         p_intent.symbol, x.algorithm, p_intent.latency_class, x.why, x.quantity,
         p_intent.reference_price, x.arrival_bid, x.arrival_ask, x.starts_at, x.ends_at,
         x.schedule, x.terms, x.seed, 'working', p_at
    from jsonb_to_record(p_plan) as x(
      algorithm text, why text, quantity numeric, arrival_bid numeric, arrival_ask numeric,
      starts_at timestamptz, ends_at timestamptz, schedule jsonb, terms jsonb, seed text)
  returning * into v_parent;
  update public.intents n set state = 'ordered' where n.intent_id = p_intent.intent_id;
  return v_parent;
end $$;
comment on function execution.plan_parent(public.intents, jsonb, timestamptz) is
  'Record how an authorised intent will be worked. Called by other procedures only.';
