create or replace function risk.authorize_one(
  p_item jsonb, p_policy risk.policies, p_limits risk.limits[], p_reaches text[], p_rates jsonb,
  p_sigmas jsonb)
returns jsonb
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_authority jsonb := p_policy.body -> 'authority';
  v_requested numeric := (p_item ->> 'quantity')::numeric;
  v_known public.intents;
  v_fact record;
  v_before jsonb;
  v_code text;
  v_judged record;
  v_quantity numeric := 0;
  v_highest numeric := 0;
  v_level text := 'LOW';
  v_flags text[] := '{}';
  v_reasons text[];
begin
  select n.* into v_known from public.intents n where n.intent_id = (p_item ->> 'intent_id')::uuid;
  if found then
    return risk.recorded_answer(p_item, v_known, p_sigmas);
  end if;

  select a.account_id, a.org_id, a.venue_id, a.currency, a.state as account_state,
         a.mode as account_mode, s.strategy_id, s.state as strategy_state,
         s.mode as strategy_mode, s.account_id as strategy_account, v.state as venue_state,
         i.symbol, i.state as instrument_state, i.volume_min, i.volume_step, i.contract_size,
         l.bid, l.ask, l.mid, l.received_at, l.rate, l.lot_value, e.equity, e.peak_equity,
         e.day_start_equity, e.as_of,
         governance.standing_halt(a.org_id, a.venue_id, a.account_id, s.strategy_id, i.symbol)
           as halt
    into v_fact
    from (select 1) as one
    left join public.accounts a on a.account_id = p_item ->> 'account_id'
                               and a.org_id = p_item ->> 'org_id'
    left join public.strategies s on s.strategy_id = p_item ->> 'strategy_id'
                                 and s.org_id = a.org_id
    left join public.venues v on v.venue_id = p_item ->> 'venue_id' and v.venue_id = a.venue_id
    left join public.instruments i on i.symbol = p_item ->> 'symbol'
    left join risk.account_state e on e.account_id = a.account_id
    left join lateral risk.lot_value(a.venue_id, i.symbol, a.currency) l on true;

  select jsonb_agg(jsonb_build_object(
           'limit_kind', c.kind, 'scope', c.scope, 'scope_id', coalesce(c.scope_id, '?'),
           'unit', 'flag', 'outcome', case when c.ok then 'passed' else 'denied' end,
           'code', case when c.ok then null else c.code end) order by c.nr),
         (array_agg(c.code order by c.nr) filter (where not c.ok))[1]
    into v_before, v_code
    from (
      select b.nr, b.kind, b.scope, b.scope_id, coalesce(b.ok, false) as ok, b.code
        from (values
          (1, 'policy_active', 'platform', '*', p_policy.policy_hash is not null, 'TR306'),
          (2, 'account_known', 'account', p_item ->> 'account_id',
           v_fact.equity is not null, 'TR304'),
          (3, 'strategy_active', 'strategy', p_item ->> 'strategy_id',
           v_fact.strategy_state = 'active' and v_fact.strategy_account = v_fact.account_id,
           'TR330'),
          (4, 'venue_open', 'venue', p_item ->> 'venue_id', v_fact.venue_state = 'active',
           'TR331'),
          (5, 'instrument_known', 'instrument', p_item ->> 'symbol',
           v_fact.symbol is not null, 'TR332'),
          (6, 'no_halt', 'account', p_item ->> 'account_id',
           v_fact.halt is null or (p_item ->> 'reduce_only')::boolean, 'TR403'),
          (7, 'account_active', 'account', p_item ->> 'account_id',
           v_fact.account_state = 'active', 'TR305'),
          (8, 'mode_allowed', 'account', p_item ->> 'account_id',
           p_item ->> 'mode' = v_fact.account_mode and p_item ->> 'mode' = v_fact.strategy_mode
             and p_policy.body -> 'modes' ? (p_item ->> 'mode'), 'TR323'),
          (9, 'instrument_tradable', 'instrument', p_item ->> 'symbol',
           v_fact.instrument_state = 'tradable', 'TR322'),
          (10, 'quote_known', 'instrument', p_item ->> 'symbol', v_fact.mid > 0, 'TR302'),
          (11, 'rate_known', 'account', p_item ->> 'account_id',
           v_fact.mid is null or v_fact.lot_value > 0, 'TR336'),
          (12, 'equity_positive', 'account', p_item ->> 'account_id',
           v_fact.equity is null or v_fact.equity > 0, 'TR615'),
          (13, 'quantity_enough', 'instrument', p_item ->> 'symbol',
           v_requested >= v_fact.volume_min, 'TR329')
        ) as b(nr, kind, scope, scope_id, ok, code)) c;

  if v_fact.account_id is null or v_fact.strategy_id is null or v_fact.symbol is null
     or v_fact.venue_state is null or p_policy.policy_hash is null or v_requested <= 0 then
    -- Nothing of this desk's: the decision's trace is the record, no intent is made.
    return risk.answer(p_item, 'denied', v_code, 0, 0, '{}', array['platform.unknown'], 'CRITICAL',
                       0, 0, 0, 0, 0, p_policy.policy_hash, v_before, false);
  end if;

  select j.* into v_judged
    from risk.judge_limits(
      p_limits,
      jsonb_build_object(
        'account_id', v_fact.account_id, 'org_id', v_fact.org_id, 'venue_id', v_fact.venue_id,
        'strategy_id', v_fact.strategy_id, 'symbol', v_fact.symbol,
        'side', p_item ->> 'side', 'currency', v_fact.currency, 'requested', v_requested,
        'step', v_fact.volume_step, 'volume_min', v_fact.volume_min, 'lot', v_fact.lot_value,
        'price', (p_item ->> 'reference_price')::numeric, 'mid', v_fact.mid,
        'spread', v_fact.ask - v_fact.bid,
        'quote_age_ms', round(extract(epoch from v_now - v_fact.received_at) * 1000),
        'stop_loss', (p_item ->> 'stop_loss')::numeric,
        'take_profit', (p_item ->> 'take_profit')::numeric,
        'contract_rate', v_fact.contract_size * v_fact.rate,
        'equity', case when v_fact.equity > 0 then v_fact.equity end,
        'peak_equity', v_fact.peak_equity, 'day_start_equity', v_fact.day_start_equity,
        'state_age_ms', round(extract(epoch from v_now - v_fact.as_of) * 1000),
        'margin_rate', (v_authority ->> 'margin_rate')::numeric,
        'reduce_only', coalesce((p_item ->> 'reduce_only')::boolean, false)),
      p_reaches,
      (select jsonb_object_agg(u.reach, p_rates -> (v_fact.account_id || '/' || u.reach))
         from unnest(p_reaches) as u(reach)),
      p_sigmas, coalesce((v_authority ->> 'trim')::boolean, false),
      (v_authority ->> 'soft_loss_factor')::numeric) j;

  v_code := coalesce(v_code, v_judged.code);
  v_highest := v_judged.utilization;
  v_flags := v_judged.breach_flags;
  v_level := risk.level_of(v_highest, v_flags, v_authority -> 'levels');
  if v_code is null then
    v_quantity := v_judged.quantity;
  end if;

  -- The mark of a vote is set here and nowhere else: a message cannot claim one.
  v_reasons := array(
    select r.value from jsonb_array_elements_text(coalesce(p_item -> 'reason_codes', '[]')) r
     where r.value not like 'proposal:%' or p_item ? 'proposal_id');
  insert into public.intents
    (intent_id, correlation_id, org_id, account_id, strategy_id, venue_id, symbol, side,
     order_type, mode, kind, requested_quantity, authorized_quantity, notional, reference_price,
     stop_loss, take_profit, reduce_only, state, denial_code, risk_level, highest_utilization,
     policy_hash, exposure_deltas, reason_codes, latency_class, created_at, expires_at,
     decided_at)
  values
    ((p_item ->> 'intent_id')::uuid, (p_item ->> 'correlation_id')::uuid, v_fact.org_id,
     v_fact.account_id, v_fact.strategy_id, v_fact.venue_id, v_fact.symbol, p_item ->> 'side',
     p_item ->> 'order_type', p_item ->> 'mode', p_item ->> 'kind', v_requested,
     case when v_code is null then v_quantity end,
     coalesce(case when v_code is null then v_quantity else v_requested end * v_fact.lot_value, 0),
     (p_item ->> 'reference_price')::numeric, (p_item ->> 'stop_loss')::numeric,
     (p_item ->> 'take_profit')::numeric, coalesce((p_item ->> 'reduce_only')::boolean, false),
     case when v_code is null then 'authorized' else 'denied' end, v_code, v_level, v_highest,
     p_policy.policy_hash, coalesce(p_item -> 'exposure_deltas', '[]'), v_reasons,
     p_item ->> 'latency_class', v_now,
     v_now + (v_authority ->> 'intent_ttl_ms')::int * interval '1 millisecond', v_now);

  insert into public.risk_checks
    (intent_id, limit_kind, scope, scope_id, limit_value, observed, projected, unit, outcome,
     code, checked_at)
  select (p_item ->> 'intent_id')::uuid, c.limit_kind, c.scope, c.scope_id, c.limit_value,
         c.observed, c.projected, c.unit, c.outcome, c.code, v_now
    from jsonb_to_recordset(v_before || coalesce(v_judged.checks, '[]')) as c(
      limit_kind text, scope text, scope_id text, limit_value numeric, observed numeric,
      projected numeric, unit text, outcome text, code text);

  if v_code is null then
    insert into risk.reservations
      (intent_id, account_id, symbol, side, quantity, remaining_quantity, notional,
       remaining_notional, created_at)
    values
      ((p_item ->> 'intent_id')::uuid, v_fact.account_id, v_fact.symbol, p_item ->> 'side',
       v_quantity, v_quantity, v_quantity * v_fact.lot_value, v_quantity * v_fact.lot_value,
       v_now);
  end if;

  return risk.answer(
    p_item,
    case when v_code is not null then 'denied'
         when v_quantity < v_requested then 'trimmed' else 'authorized' end,
    v_code, v_quantity, v_quantity * v_fact.lot_value, v_judged.trimmed_by, v_flags, v_level,
    v_highest, coalesce(v_judged.var, 0),
    coalesce(round(100 * greatest(v_fact.day_start_equity - v_fact.equity, 0)
                   / nullif(v_fact.day_start_equity, 0), 6), 0),
    coalesce(v_judged.margin_used, 0), coalesce((p_sigmas ->> v_fact.symbol)::numeric, 0),
    p_policy.policy_hash, v_before || coalesce(v_judged.checks, '[]'), false);
end $$;
comment on function risk.authorize_one(jsonb, risk.policies, risk.limits[], text[], jsonb, jsonb) is
  'Judge and record one intent of a batch whose budgets are locked. Internal.';
