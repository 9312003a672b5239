-- Passed checks stay in risk_checks; the answer, and so the trace, carries what mattered.
create or replace function risk.answer(
  p_item jsonb, p_decision text, p_code text, p_quantity numeric, p_notional numeric,
  p_trimmed_by text[], p_flags text[], p_level text, p_utilization numeric, p_var numeric,
  p_drawdown numeric, p_margin_used numeric, p_volatility numeric, p_policy_hash text,
  p_checks jsonb, p_repeated boolean)
returns jsonb
language sql stable as $$
  select jsonb_build_object(
    'i', p_item -> 'i', 'intent_id', p_item -> 'intent_id', 'decision', p_decision,
    'code', p_code, 'requested_quantity', p_item ->> 'quantity',
    'authorized_quantity', p_quantity::text, 'notional', p_notional::text,
    'trimmed_by', to_jsonb(p_trimmed_by), 'breach_flags', to_jsonb(p_flags),
    'risk_level', p_level, 'highest_utilization', p_utilization::text,
    'portfolio_var', greatest(p_var, 0)::text,
    'daily_drawdown_pct', least(p_drawdown, 100)::text,
    'treasury_utilization', least(greatest(p_margin_used, 0), 1)::text,
    'volatility', p_volatility::text, 'policy_hash', p_policy_hash, 'repeated', p_repeated,
    'intent', case when p_item ? 'proposal_id' then p_item end,
    'checked', jsonb_array_length(p_checks),
    'checks', (select coalesce(jsonb_agg(c.value), '[]') from jsonb_array_elements(p_checks) c
                where c.value ->> 'outcome' <> 'passed'))
$$;
comment on function risk.answer(jsonb, text, text, numeric, numeric, text[], text[], text, numeric, numeric, numeric, numeric, numeric, text, jsonb, boolean) is
  'Shape the answer to one item of risk.authorize_intents. Internal.';
