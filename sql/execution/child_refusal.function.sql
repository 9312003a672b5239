-- A worked order outlives its authorisation's time, never what else was true of it: each child is
-- judged anew when it is opened and again when it is sent.
create or replace function execution.child_refusal(p_intent public.intents, p_policy_hash text)
returns text
language plpgsql stable as $$
declare
  v_released timestamptz;
  v_refusal text;
  v_rate_max numeric;
begin
  select r.released_at into v_released
    from risk.reservations r where r.intent_id = p_intent.intent_id;
  if not found or v_released is not null then
    return 'TR401';
  elsif p_intent.policy_hash is distinct from p_policy_hash then
    return 'TR307';
  end if;
  v_refusal := execution.market_refusal(p_intent, p_policy_hash);
  if v_refusal is not null then
    return v_refusal;
  end if;
  select min(m.value) into v_rate_max
    from risk.limits m
   where m.policy_hash = p_policy_hash and m.kind = 'order_rate_per_minute'
     and (m.scope_id = '*' or m.scope_id = case m.scope
            when 'organization' then p_intent.org_id when 'account' then p_intent.account_id
            when 'strategy' then p_intent.strategy_id when 'instrument' then p_intent.symbol
            when 'venue' then p_intent.venue_id end);
  -- The account's own calls to its venue: a limit of any scope holds for them too.
  return case
    when v_rate_max is null then 'TR301'
    when (select count(*) from execution.attempts a
           where a.opened_at > clock_timestamp() - interval '1 minute'
             and a.account_id = p_intent.account_id) >= v_rate_max then 'TR317' end;
end $$;
comment on function execution.child_refusal(public.intents, text) is
  'The code for which no further child of a worked order may be opened or sent now, or null: authority, policy, halts, account, quote, price, rate. Called by other procedures only.';
