-- p_read: what risk.read_asked says of the intent; p_book and p_rates: what stands beside it.
create or replace function risk.authorize_one(
  p_read record, p_batch record, p_book jsonb, p_rates jsonb, p_conditions jsonb,
  p_slices jsonb,
  out answer jsonb, out decided jsonb, out checks public.risk_checks[], out beyond_slices boolean)
language plpgsql stable as $$
declare
  v_quantity numeric;
  v_judged record;
  v_code text;
  v_level text;
begin
  v_judged := risk.judge_limits(p_read, p_batch, p_book, p_rates, p_conditions, p_slices);
  beyond_slices := v_judged.beyond_slices;
  if beyond_slices then
    return;
  end if;
  v_code := coalesce(p_read.code, v_judged.code);
  v_quantity := case when v_code is null then v_judged.quantity end;
  v_level := case
    when v_judged.utilization >= (p_batch.levels ->> 'critical')::numeric then 'CRITICAL'
    -- Past the soft daily loss nothing is less than high.
    when v_judged.utilization >= (p_batch.levels ->> 'high')::numeric
      or v_judged.past_soft_loss then 'HIGH'
    when v_judged.utilization >= (p_batch.levels ->> 'medium')::numeric then 'MEDIUM'
    else 'LOW' end;
  checks := v_judged.checks;
  if p_read.refusals is not null then
    checks := checks || array(
      select row(p_read.intent_id, r.limit_kind, r.scope, r.scope_id, null, null, null, r.unit,
                 'denied', r.code, p_read.checked_at, null)::public.risk_checks
        from jsonb_to_recordset(p_read.refusals) as r(
          limit_kind text, scope text, scope_id text, unit text, code text));
  end if;
  decided := p_read.item || jsonb_build_object(
    'authorized_quantity', v_quantity,
    'notional', coalesce(coalesce(v_quantity, p_read.requested) * p_read.lot, 0),
    'denial_code', v_code, 'risk_level', v_level,
    'highest_utilization', v_judged.utilization, 'decided_at', p_read.checked_at);
  answer := jsonb_build_object(
    'decision', case when v_code is not null then 'denied'
                     when v_quantity < p_read.requested then 'trimmed' else 'authorized' end,
    'code', v_code, 'authorized_quantity', coalesce(v_quantity, 0)::text,
    'notional', coalesce(v_quantity * p_read.lot, 0)::text,
    'trimmed_by', to_jsonb(v_judged.trimmed_by),
    'breach_flags', to_jsonb(v_judged.breach_flags), 'risk_level', v_level,
    'highest_utilization', v_judged.utilization::text,
    'portfolio_var', greatest(coalesce(v_judged.var, 0), 0)::text,
    'daily_drawdown_pct', least(p_read.drawdown, 100)::text,
    'treasury_utilization', least(greatest(coalesce(v_judged.margin_used, 0), 0), 1)::text,
    'volatility', coalesce(p_read.sigma::text, '0'),
    'policy_hash', p_batch.policy_hash, 'repeated', false,
    'checked', cardinality(checks),
    'checks', coalesce(p_read.refusals, '[]') || coalesce(v_judged.failed, '[]'));
end $$;
comment on function risk.authorize_one(record, record, jsonb, jsonb, jsonb, jsonb) is
  'Judge one intent of a batch whose budgets are locked; give the answer and the rows to keep. Internal.';
