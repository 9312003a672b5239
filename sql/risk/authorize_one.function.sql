-- p_refusals: what denies whatever the limits say; p_lot: value of one lot in account currency.
create or replace function risk.authorize_one(
  p_item jsonb, p_fact jsonb, p_refusals jsonb, p_code text, p_lot numeric, p_drawdown numeric,
  p_policy risk.policies, p_limits risk.limits[], p_reaches text[], p_rates jsonb,
  p_sigmas jsonb, out answer jsonb, out checks public.risk_checks[])
language plpgsql as $$
declare
  v_authority jsonb := p_policy.body -> 'authority';
  v_now timestamptz := (p_fact ->> 'checked_at')::timestamptz;
  v_requested numeric := (p_fact ->> 'requested')::numeric;
  v_intent_id uuid := (p_fact ->> 'intent_id')::uuid;
  v_quantity numeric;
  v_judged record;
  v_code text;
  v_level text;
begin
  select j.* into v_judged
    from risk.judge_limits(
      p_limits, p_fact, p_reaches, p_rates -> (p_fact ->> 'account_id'), p_sigmas,
      coalesce((v_authority ->> 'trim')::boolean, false),
      (v_authority ->> 'soft_loss_factor')::numeric) j;
  v_code := coalesce(p_code, v_judged.code);
  v_quantity := case when v_code is null then v_judged.quantity end;
  v_level := case
    when v_judged.utilization >= (v_authority #>> '{levels,critical}')::numeric then 'CRITICAL'
    -- Past the soft daily loss nothing is less than high.
    when v_judged.utilization >= (v_authority #>> '{levels,high}')::numeric
      or v_judged.past_soft_loss then 'HIGH'
    when v_judged.utilization >= (v_authority #>> '{levels,medium}')::numeric then 'MEDIUM'
    else 'LOW' end;

  insert into public.intents
    (intent_id, correlation_id, org_id, account_id, strategy_id, venue_id, symbol, side,
     order_type, mode, kind, requested_quantity, authorized_quantity, notional, reference_price,
     stop_loss, take_profit, reduce_only, state, denial_code, risk_level, highest_utilization,
     policy_hash, exposure_deltas, reason_codes, latency_class, created_at, expires_at,
     decided_at)
  select v_intent_id, x.correlation_id, x.org_id, x.account_id, x.strategy_id, x.venue_id,
         x.symbol, x.side, x.order_type, x.mode, x.kind, v_requested, v_quantity,
         coalesce(coalesce(v_quantity, v_requested) * p_lot, 0), x.reference_price, x.stop_loss,
         x.take_profit, coalesce(x.reduce_only, false),
         case when v_code is null then 'authorized' else 'denied' end, v_code, v_level,
         v_judged.utilization, p_policy.policy_hash, coalesce(x.exposure_deltas, '[]'),
         -- The mark of a vote is set here and nowhere else: a message cannot claim one.
         array(select r.value from jsonb_array_elements_text(x.reason_codes) r
                where r.value not like 'proposal:%' or x.proposal_id is not null),
         x.latency_class, v_now,
         v_now + (v_authority ->> 'intent_ttl_ms')::int * interval '1 millisecond', v_now
    from jsonb_to_record(p_item) as x(
      correlation_id uuid, org_id text, account_id text, strategy_id text, venue_id text,
      symbol text, side text, order_type text, mode text, kind text, reference_price numeric,
      stop_loss numeric, take_profit numeric, reduce_only boolean, exposure_deltas jsonb,
      reason_codes jsonb, latency_class text, proposal_id uuid);
  if v_code is null then
    insert into risk.reservations
      (intent_id, account_id, symbol, side, quantity, remaining_quantity, notional,
       remaining_notional, created_at)
    values
      (v_intent_id, p_fact ->> 'account_id', p_fact ->> 'symbol', p_fact ->> 'side', v_quantity,
       v_quantity, v_quantity * p_lot, v_quantity * p_lot, v_now);
  end if;

  checks := v_judged.checks;
  if p_refusals is not null then
    checks := checks || array(
      select row(v_intent_id, r.limit_kind, r.scope, r.scope_id, null, null, null, r.unit,
                 'denied', r.code, v_now)::public.risk_checks
        from jsonb_to_recordset(p_refusals) as r(
          limit_kind text, scope text, scope_id text, unit text, code text));
  end if;
  answer := jsonb_build_object(
    'decision', case when v_code is not null then 'denied'
                     when v_quantity < v_requested then 'trimmed' else 'authorized' end,
    'code', v_code, 'authorized_quantity', coalesce(v_quantity, 0)::text,
    'notional', coalesce(v_quantity * p_lot, 0)::text,
    'trimmed_by', to_jsonb(v_judged.trimmed_by),
    'breach_flags', to_jsonb(v_judged.breach_flags), 'risk_level', v_level,
    'highest_utilization', v_judged.utilization::text,
    'portfolio_var', greatest(coalesce(v_judged.var, 0), 0)::text,
    'daily_drawdown_pct', least(p_drawdown, 100)::text,
    'treasury_utilization', least(greatest(coalesce(v_judged.margin_used, 0), 0), 1)::text,
    'volatility', coalesce(p_sigmas ->> (p_fact ->> 'symbol'), '0'),
    'policy_hash', p_policy.policy_hash, 'repeated', false,
    'checked', cardinality(checks),
    'checks', coalesce(p_refusals, '[]') || coalesce(v_judged.failed, '[]'));
end $$;
comment on function risk.authorize_one(jsonb, jsonb, jsonb, text, numeric, numeric, risk.policies, risk.limits[], text[], jsonb, jsonb) is
  'Judge and record one intent of a batch whose budgets are locked. Internal.';
