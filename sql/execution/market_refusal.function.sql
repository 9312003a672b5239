create or replace function execution.market_refusal(p_intent public.intents, p_policy_hash text)
returns text
language plpgsql stable as $$
declare
  v_state text;
  v_mid numeric;
  v_received_at timestamptz;
  v_limit record;
begin
  -- By their keys, one after another: what decides early spares the rest, and no plan can
  -- prefer an index of what is open to the key.
  if not p_intent.reduce_only and governance.standing_halt(
       p_intent.org_id, p_intent.venue_id, p_intent.account_id, p_intent.strategy_id,
       p_intent.symbol) is not null then
    return 'TR403';
  end if;
  select a.state, (u.bid + u.ask) / 2, u.received_at into v_state, v_mid, v_received_at
    from public.accounts a
    left join public.latest_quotes u on u.venue_id = p_intent.venue_id
                                    and u.symbol = p_intent.symbol
   where a.account_id = p_intent.account_id and a.venue_id = p_intent.venue_id;
  if not found or v_state <> 'active' then
    return 'TR305';
  elsif v_mid is null or v_mid <= 0 then
    return 'TR302';
  end if;
  select min(m.value) filter (where m.kind = 'quote_age_ms') as quote_age_ms,
         min(m.value) filter (where m.kind = 'price_collar_bps') as price_collar_bps
    into v_limit
    from risk.limits m
   where m.policy_hash = p_policy_hash and m.kind in ('quote_age_ms', 'price_collar_bps')
     and (m.scope_id = '*' or m.scope_id = case m.scope
            when 'organization' then p_intent.org_id when 'account' then p_intent.account_id
            when 'strategy' then p_intent.strategy_id when 'instrument' then p_intent.symbol
            when 'venue' then p_intent.venue_id end);
  return case
    when v_limit.quote_age_ms is null or v_limit.price_collar_bps is null then 'TR301'
    when extract(epoch from clock_timestamp() - v_received_at) * 1000 > v_limit.quote_age_ms
      then 'TR303'
    when 10000 * abs(p_intent.reference_price - v_mid) > v_limit.price_collar_bps * v_mid
      then 'TR318' end;
end $$;
comment on function execution.market_refusal(public.intents, text) is
  'The code for which halts, account, quote or price stand against an intent now, or null: the same for all that share them. Called by other procedures only.';
