create or replace function risk.recorded_answer(
  p_item jsonb, p_intent public.intents, p_sigmas jsonb)
returns jsonb
language plpgsql stable as $$
declare
  v_checks jsonb;
  v_equity numeric;
begin
  if (p_item ->> 'symbol', p_item ->> 'side', p_item ->> 'account_id', p_item ->> 'strategy_id')
       is distinct from
     (p_intent.symbol, p_intent.side, p_intent.account_id, p_intent.strategy_id)
     or (p_item ->> 'quantity')::numeric <> p_intent.requested_quantity then
    return risk.answer(p_item, 'denied', 'TR337', 0, 0, '{}', '{}', 'CRITICAL', 0, 0, 0, 0, 0,
                       p_intent.policy_hash, '[]', true);
  end if;
  select coalesce(jsonb_agg(to_jsonb(c) - 'intent_id' - 'checked_at'), '[]') into v_checks
    from public.risk_checks c where c.intent_id = p_intent.intent_id;
  select s.equity into v_equity from risk.account_state s
   where s.account_id = p_intent.account_id;
  return risk.answer(
    p_item,
    case when p_intent.authorized_quantity is null then 'denied'
         when p_intent.authorized_quantity < p_intent.requested_quantity then 'trimmed'
         else 'authorized' end,
    p_intent.denial_code, coalesce(p_intent.authorized_quantity, 0), p_intent.notional,
    array(select c ->> 'scope' || '.' || (c ->> 'limit_kind') from jsonb_array_elements(v_checks) c
           where c ->> 'outcome' = 'trimmed' order by 1),
    array(select c ->> 'scope' || '.' || (c ->> 'limit_kind') from jsonb_array_elements(v_checks) c
           where c ->> 'outcome' = 'denied'
              or c ->> 'limit_kind' = 'daily_loss_soft_pct'
             and (c ->> 'observed')::numeric >= (c ->> 'limit_value')::numeric order by 1),
    p_intent.risk_level, p_intent.highest_utilization,
    coalesce((select max((c ->> 'projected')::numeric) * v_equity / 100
                from jsonb_array_elements(v_checks) c where c ->> 'limit_kind' = 'var_pct'), 0),
    coalesce((select max((c ->> 'observed')::numeric)
                from jsonb_array_elements(v_checks) c
               where c ->> 'limit_kind' = 'daily_loss_hard_pct'), 0),
    coalesce((select max((c ->> 'projected')::numeric) / 100
                from jsonb_array_elements(v_checks) c
               where c ->> 'limit_kind' = 'margin_used_pct'), 0),
    coalesce((p_sigmas ->> p_intent.symbol)::numeric, 0), p_intent.policy_hash, v_checks, true);
end $$;
comment on function risk.recorded_answer(jsonb, public.intents, jsonb) is
  'Repeat what was decided about an intent; TR337 if its id is used for another. Internal.';
