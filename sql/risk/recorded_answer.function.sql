create or replace function risk.recorded_answer(
  p_item jsonb, p_intent public.intents, p_sigmas jsonb) returns jsonb
language plpgsql stable as $$
begin
  if (p_item ->> 'symbol', p_item ->> 'side', p_item ->> 'account_id', p_item ->> 'strategy_id')
       is distinct from
     (p_intent.symbol, p_intent.side, p_intent.account_id, p_intent.strategy_id)
     or (p_item ->> 'quantity')::numeric <> p_intent.requested_quantity then
    return risk.unknown_answer(null, 'TR337', p_intent.policy_hash) || '{"repeated": true}';
  end if;
  return (
    with checked as (
      select c.scope || '.' || c.limit_kind as name, c.limit_kind, c.limit_value, c.observed,
             c.projected, c.outcome, to_jsonb(c) - 'intent_id' - 'checked_at' as body
        from public.risk_checks c where c.intent_id = p_intent.intent_id
    )
    select jsonb_build_object(
      'decision', case when p_intent.authorized_quantity is null then 'denied'
                       when p_intent.authorized_quantity < p_intent.requested_quantity
                       then 'trimmed' else 'authorized' end,
      'code', p_intent.denial_code,
      'authorized_quantity', coalesce(p_intent.authorized_quantity, 0)::text,
      'notional', case when p_intent.authorized_quantity is null then '0'
                       else p_intent.notional::text end,
      'trimmed_by', to_jsonb(array(select k.name from checked k where k.outcome = 'trimmed'
                                    order by 1)),
      'breach_flags', to_jsonb(array(
        select k.name from checked k
         where k.outcome = 'denied'
            or k.limit_kind = 'daily_loss_soft_pct' and k.observed >= k.limit_value
         order by 1)),
      'risk_level', p_intent.risk_level,
      'highest_utilization', p_intent.highest_utilization::text,
      'portfolio_var', coalesce((
        select max(k.projected) * s.equity / 100 from checked k, risk.account_state s
         where k.limit_kind = 'var_pct' and s.account_id = p_intent.account_id
         group by s.equity), 0)::text,
      'daily_drawdown_pct', coalesce((select max(k.observed) from checked k
                                       where k.limit_kind = 'daily_loss_hard_pct'), 0)::text,
      'treasury_utilization', least(1, coalesce((
        select max(k.projected) / 100 from checked k
         where k.limit_kind = 'margin_used_pct'), 0))::text,
      'volatility', coalesce(p_sigmas ->> p_intent.symbol, '0'),
      'policy_hash', p_intent.policy_hash, 'repeated', true,
      'checked', (select count(*) from checked),
      'checks', coalesce((select jsonb_agg(k.body) from checked k
                           where k.outcome <> 'passed'), '[]')));
end $$;
comment on function risk.recorded_answer(jsonb, public.intents, jsonb) is
  'Repeat what was decided about an intent; TR337 if its id is used for another. Internal.';
