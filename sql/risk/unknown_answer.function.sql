create or replace function risk.unknown_answer(
  p_refusals jsonb, p_code text, p_policy_hash text) returns jsonb
language sql immutable as $$
  select jsonb_build_object(
    'decision', 'denied', 'code', coalesce(p_code, 'TR328'), 'authorized_quantity', '0',
    'notional', '0', 'trimmed_by', '[]'::jsonb, 'breach_flags', '[]'::jsonb,
    'risk_level', 'CRITICAL', 'highest_utilization', '0', 'portfolio_var', '0',
    'daily_drawdown_pct', '0', 'treasury_utilization', '0', 'volatility', '0',
    'policy_hash', p_policy_hash, 'repeated', false, 'checked', 0,
    'checks', coalesce(p_refusals, '[]'))
$$;
comment on function risk.unknown_answer(jsonb, text, text) is
  'Deny what names an account, strategy, venue or instrument that this desk does not have. Internal.';
