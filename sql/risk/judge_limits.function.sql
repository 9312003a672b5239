-- Every limit is linear in the quantity: projected = base + slope × quantity. That makes a
-- trim exact, in whole volume steps. `closing` is how much of the order only closes.
-- p_read: one intent as risk.read_asked gives it; p_book: positions and reservations as
-- risk.read_book gives them, seen in the worst case: everything reserved may fill, and may not.
-- A loop over plain variables: one query for all of this takes longer to start than to run.
create or replace function risk.judge_limits(
  p_read record, p_policy_hash text, p_book jsonb, p_reaches text[], p_rates jsonb,
  p_conditions jsonb, p_trim boolean, p_soft_loss_factor numeric,
  out quantity numeric, out code text, out trimmed_by text[], out breach_flags text[],
  out utilization numeric, out var numeric, out margin_used numeric,
  out checks public.risk_checks[], out failed jsonb, out past_soft_loss boolean)
language plpgsql stable as $$
#variable_conflict use_variable
declare
  v_buys boolean := p_read.side = 'BUY';
  v_sign int := case when v_buys then 1 else -1 end;
  v_lot numeric := p_read.lot;
  v_equity numeric := p_read.equity;
  v_sigma numeric := coalesce(p_read.sigma, 0.05);
  v_sigma_unknown boolean := p_read.sigma is null;
  v_wanted numeric := div(p_read.requested, p_read.step);
  -- By reach, in the order of p_reaches; `other` leaves the order's own account and symbol out.
  v_gross numeric[] := array_fill(0::numeric, array[cardinality(p_reaches)]);
  v_net numeric[] := v_gross;
  v_against numeric[] := v_gross;
  v_orders numeric[] := v_gross;
  v_own int := array_position(p_reaches, 'account');
  v_n int;
  v_book record;
  -- Seen from the order: `ahead` is the position that its side may reach without it.
  v_ahead numeric := 0;
  v_behind numeric := 0;
  v_most numeric;
  v_worst numeric;
  v_hi numeric;
  v_lo numeric;
  v_var_other numeric := 0;
  v_positions_other int := 0;
  v_closing numeric;
  v_loss numeric;
  v_drawdown numeric;
  v_limit record;
  v_steps numeric;
  v_room numeric;
  v_room_min numeric;
  v_observed numeric;
  v_base numeric;
  v_slope numeric;
  v_projected numeric;
  v_share numeric;
  v_outcome text;
  v_relieved boolean;
  v_name text;
  v_missing text;
  v_scale numeric := 1;
  v_tails record;
  v_basket numeric := 0;
  v_correlations jsonb := p_conditions #> array['correlations', p_read.symbol];
  v_rho numeric;
  v_check public.risk_checks;
begin
  if p_conditions ? 'scaling' then
    -- Sizes shrink as the market moves more than it usually does, or costs more to cross.
    v_scale := greatest(
      (p_conditions #>> '{scaling,floor}')::numeric,
      least(1, (p_conditions #>> '{scaling,volatility_from}')::numeric
               * (p_conditions #>> array['usual', p_read.symbol, '0'])::numeric
               / nullif(p_read.sigma, 0))
      * least(1, (p_conditions #>> '{scaling,spread_from}')::numeric
                 * (p_conditions #>> array['usual', p_read.symbol, '1'])::numeric
                 / nullif(10000 * p_read.spread / p_read.mid, 0)));
    if p_read.sigma is null or num_nulls(
         p_conditions #>> array['usual', p_read.symbol, '0'],
         p_conditions #>> array['usual', p_read.symbol, '1']) > 0 then
      v_scale := null;
    end if;
  end if;

  for v_book in
    select b.* from jsonb_to_recordset(p_book) as b(
      account_id text, org_id text, venue_id text, currency text, symbol text, quantity numeric,
      buys numeric, sells numeric, orders int, lot numeric, sigma numeric)
  loop
    v_hi := v_book.quantity + v_book.buys;
    v_lo := v_book.sells - v_book.quantity;
    if v_book.account_id = p_read.account_id and v_book.symbol = p_read.symbol then
      v_ahead := case when v_buys then v_hi else v_lo end;
      v_behind := case when v_buys then v_lo else v_hi end;
      v_worst := null;
    else
      -- Unknown, not nothing, where a lot has no value: the sum is unknown with it.
      if v_book.currency <> p_read.currency then
        v_book.lot := null;
      end if;
      v_worst := greatest(v_hi, v_lo) * v_book.lot;
    end if;
    for v_n in 1 .. cardinality(p_reaches) loop
      continue when not case p_reaches[v_n]
        when 'account' then v_book.account_id = p_read.account_id
        when 'organization' then v_book.org_id = p_read.org_id
        when 'venue' then v_book.venue_id = p_read.venue_id
        else true end;
      v_orders[v_n] := v_orders[v_n] + v_book.orders;
      continue when v_book.account_id = p_read.account_id and v_book.symbol = p_read.symbol;
      v_gross[v_n] := v_gross[v_n] + v_worst;
      v_net[v_n] := v_net[v_n] + case when v_buys then v_hi else v_lo end * v_book.lot;
      v_against[v_n] := v_against[v_n] + case when v_buys then v_lo else v_hi end * v_book.lot;
      if v_n = v_own then
        v_positions_other := v_positions_other + 1;
        v_var_other := v_var_other + v_worst * coalesce(v_book.sigma, 0.05);
        v_sigma_unknown := v_sigma_unknown or v_book.sigma is null;
        if v_correlations is not null then
          v_rho := (v_correlations ->> v_book.symbol)::numeric;
          -- Both ways count: what moves against the order's symbol hurts when held the other way.
          v_basket := v_basket + case
            when v_rho is null then null
            when abs(v_rho) < (p_conditions ->> 'basket_from')::numeric then 0
            when (v_rho > 0) = v_buys then greatest(v_hi, 0) * v_book.lot
            else greatest(v_lo, 0) * v_book.lot end;
        end if;
      end if;
    end loop;
  end loop;
  v_most := greatest(v_ahead, v_behind);
  v_closing := div(greatest(-v_ahead, 0), p_read.step);
  v_loss := round(100 * greatest(p_read.day_start_equity - v_equity, 0)
                  / nullif(p_read.day_start_equity, 0), 6);
  v_drawdown := round(100 * greatest(p_read.peak_equity - v_equity, 0)
                      / nullif(p_read.peak_equity, 0), 6);

  -- First as it was asked; if the limits leave less, once more for what they leave. What no
  -- longer fits at all is judged as asked, so that the record shows what broke.
  v_steps := v_wanted;
  for v_pass in 1 .. 2 loop
    v_room_min := case when p_read.reduce_only then least(v_wanted, v_closing) else v_wanted end;
    quantity := v_steps * p_read.step;
    code := null;
    trimmed_by := '{}';
    breach_flags := '{}';
    utilization := 0;
    checks := '{}';
    failed := null;
    past_soft_loss := false;
    v_missing := null;
    for v_limit in
      select k.kind, k.rank, k.unit, k.code, k.mandatory, k.trims, k.budget, k.spared, k.summed,
             l.scope, l.scope_id, l.value
        from risk.limit_kinds() k
        left join risk.limits l
          on l.policy_hash = p_policy_hash and l.kind = k.kind
         and (l.scope_id = '*' or l.scope_id = case l.scope
                when 'organization' then p_read.org_id when 'account' then p_read.account_id
                when 'strategy' then p_read.strategy_id when 'instrument' then p_read.symbol
                when 'venue' then p_read.venue_id end)
       order by k.rank, l.scope, l.scope_id
    loop
      if v_limit.scope is null then
        if v_limit.mandatory then
          v_missing := least(v_missing, v_limit.kind);
          breach_flags := array_append(breach_flags, 'platform.' || v_limit.kind);
          checks := array_append(checks, row(
            p_read.intent_id, v_limit.kind, 'platform', '*', null, null, null, v_limit.unit,
            'denied', 'TR301', p_read.checked_at, null)::public.risk_checks);
          failed := coalesce(failed, '[]') || jsonb_build_object(
            'limit_kind', v_limit.kind, 'scope', 'platform', 'scope_id', '*',
            'limit_value', null, 'observed', null, 'projected', null, 'unit', v_limit.unit,
            'outcome', 'denied', 'code', 'TR301');
        end if;
        continue;
      end if;

      v_n := coalesce(case when v_limit.summed and v_limit.scope <> 'account'
                           then array_position(p_reaches, v_limit.scope) end, v_own);
      v_slope := 0;
      if v_limit.kind in ('order_notional', 'order_quantity', 'position_quantity',
                          'position_notional') then
        v_limit.value := round(v_limit.value * coalesce(v_scale, 0), 8);
      end if;
      case v_limit.kind
        when 'quote_age_ms' then
          v_base := p_read.quote_age_ms;
          v_observed := v_base;
        when 'account_state_age_ms' then
          v_base := p_read.state_age_ms;
          v_observed := v_base;
        when 'stop_loss_required' then
          v_base := (p_read.stop_loss is not null)::int;
          v_observed := v_base;
        when 'reward_to_risk_min' then
          v_base := round((p_read.take_profit - p_read.price) * v_sign
                          / nullif((p_read.price - p_read.stop_loss) * v_sign, 0), 6);
          v_observed := v_base;
        when 'price_collar_bps' then
          v_base := round(10000 * abs(p_read.price - p_read.mid) / p_read.mid, 4);
          v_observed := v_base;
        when 'spread_bps' then
          v_base := round(10000 * p_read.spread / p_read.mid, 4);
          v_observed := v_base;
        when 'daily_loss_hard_pct', 'daily_loss_soft_pct' then
          v_base := v_loss;
          v_observed := v_base;
        when 'drawdown_pct' then
          v_base := v_drawdown;
          v_observed := v_base;
        when 'order_notional' then
          v_base := 0;
          v_observed := 0;
          v_slope := v_lot;
        when 'order_quantity' then
          v_base := 0;
          v_observed := 0;
          v_slope := 1;
        when 'risk_per_trade_pct' then
          v_base := 0;
          v_observed := 0;
          v_slope := 100 * abs(p_read.price - p_read.stop_loss) * p_read.contract_rate / v_equity;
        when 'position_quantity' then
          v_base := v_ahead;
          v_observed := v_most;
          v_slope := 1;
        when 'position_notional' then
          v_base := v_ahead * v_lot;
          v_observed := v_most * v_lot;
          v_slope := v_lot;
        when 'gross_exposure' then
          v_base := v_gross[v_n] + v_ahead * v_lot;
          v_observed := v_gross[v_n] + v_most * v_lot;
          v_slope := v_lot;
        when 'net_exposure' then
          v_base := v_net[v_n] + v_ahead * v_lot;
          v_observed := greatest(v_base, v_against[v_n] + v_behind * v_lot);
          v_slope := v_lot;
        when 'leverage' then
          -- An instrument's own leverage counts nothing else that is held.
          v_share := case when v_limit.scope = 'instrument' then 0 else v_gross[v_own] end;
          v_base := (v_share + v_ahead * v_lot) / v_equity;
          v_observed := (v_share + v_most * v_lot) / v_equity;
          v_slope := v_lot / v_equity;
        when 'margin_used_pct' then
          v_base := 100 * p_read.margin_rate * (v_gross[v_own] + v_ahead * v_lot) / v_equity;
          v_observed := 100 * p_read.margin_rate * (v_gross[v_own] + v_most * v_lot) / v_equity;
          v_slope := 100 * p_read.margin_rate * v_lot / v_equity;
        when 'var_pct' then
          v_base := case when not v_sigma_unknown then
            232.6348 / v_equity * (v_var_other + v_ahead * v_lot * v_sigma) end;
          v_observed := case when not v_sigma_unknown then
            232.6348 / v_equity * (v_var_other + v_most * v_lot * v_sigma) end;
          v_slope := 232.6348 * v_lot * v_sigma / v_equity;
        when 'open_positions' then
          v_base := v_positions_other + 1;
          v_observed := v_positions_other + (v_most > 0)::int;
        when 'open_orders' then
          v_base := v_orders[v_n] + 1;
          v_observed := v_orders[v_n];
        when 'order_rate_per_minute' then
          v_observed := case
            when v_limit.scope in ('strategy', 'instrument') then coalesce(
              (p_conditions #>> array['rates', v_limit.scope || '/' || case v_limit.scope
                 when 'strategy' then p_read.strategy_id else p_read.symbol end])::numeric, 0)
            else (p_rates ->> p_reaches[v_n])::numeric end;
          v_base := v_observed + 1;
        when 'concentration_pct' then
          v_base := 100 * v_ahead * v_lot / v_equity;
          v_observed := 100 * v_most * v_lot / v_equity;
          v_slope := 100 * v_lot / v_equity;
        when 'basket_exposure_pct' then
          v_share := case when v_correlations is not null then v_basket end;
          v_base := 100 * (v_share + v_ahead * v_lot) / v_equity;
          v_observed := 100 * (v_share + v_most * v_lot) / v_equity;
          v_slope := 100 * v_lot / v_equity;
        when 'free_balance_min' then
          v_base := v_equity - p_read.margin_rate * (v_gross[v_own] + v_ahead * v_lot);
          v_observed := v_equity - p_read.margin_rate * (v_gross[v_own] + v_most * v_lot);
          v_slope := -p_read.margin_rate * v_lot;
        when 'counterparty_equity' then
          v_base := (p_conditions #>> array['counterparties', p_read.venue_id])::numeric;
          v_observed := v_base;
        when 'scenario_var_pct', 'expected_shortfall_pct' then
          -- A tail is not linear: it is judged at the quantity that the other limits leave.
          select t.* into v_tails
            from risk.book_tails(p_book, p_read.account_id, p_read.symbol, p_read.side, v_lot,
                                 quantity) t;
          v_base := round(100 / v_equity * case v_limit.kind when 'scenario_var_pct'
                      then v_tails.var_after else v_tails.shortfall_after end, 8);
          v_observed := round(100 / v_equity * case v_limit.kind when 'scenario_var_pct'
                          then v_tails.var_before else v_tails.shortfall_before end, 8);
        when 'adverse_selection_bps', 'rejection_rate_pct' then
          v_base := (p_conditions #>> array['measured', v_limit.kind || '/' || case v_limit.scope
                       when 'strategy' then 'strategy/' || p_read.strategy_id
                       when 'venue' then 'venue/' || p_read.venue_id
                       when 'instrument' then 'instrument/' || p_read.symbol
                       else 'account/' || p_read.account_id end])::numeric;
          v_observed := v_base;
        when 'news_distance_s_min' then
          v_base := (p_conditions #>> array['news', p_read.symbol])::numeric;
          v_observed := v_base;
        else
          -- A kind that nobody can measure denies.
          v_base := null;
          v_observed := null;
      end case;

      v_room := v_wanted;
      if v_limit.trims then
        if v_limit.kind = 'daily_loss_soft_pct' then
          if v_base >= v_limit.value then
            v_room := div(p_read.requested * p_soft_loss_factor, p_read.step);
          end if;
        elsif v_base is not null and v_slope <> 0 then
          -- A floor leaves room downwards, everything else upwards.
          v_room := div(greatest((v_limit.value - v_base) * sign(v_slope), 0),
                        abs(v_slope) * p_read.step);
          if v_limit.spared then
            v_room := greatest(v_room, v_closing);
          end if;
        end if;
      end if;
      v_room_min := least(v_room_min, v_room);

      v_projected := round(v_base + v_slope * quantity, 8);
      v_relieved := v_limit.spared and v_steps <= v_closing;
      v_outcome := case
        when v_room < v_wanted and v_steps < v_wanted and v_base is not null then 'trimmed'
        when v_relieved then 'passed'
        when v_base is null or v_slope is null then 'denied'
        when v_limit.kind in ('stop_loss_required', 'reward_to_risk_min', 'free_balance_min',
                              'news_distance_s_min') then
          case when v_base + v_slope * quantity < v_limit.value then 'denied' else 'passed' end
        when v_limit.kind in ('daily_loss_hard_pct', 'drawdown_pct') then
          case when v_base >= v_limit.value then 'denied' else 'passed' end
        when v_limit.kind = 'daily_loss_soft_pct' then
          case when v_room < v_wanted then 'denied' else 'passed' end
        when v_base + v_slope * quantity > v_limit.value then 'denied'
        else 'passed' end;
      if v_limit.budget and not v_relieved and v_projected is not null then
        utilization := greatest(utilization, case
          when v_limit.value > 0 then round(v_projected / v_limit.value, 6)
          when v_projected > 0 then 1 else 0 end);
      end if;
      v_name := v_limit.scope || '.' || v_limit.kind;
      if v_limit.kind = 'daily_loss_soft_pct' and v_observed >= v_limit.value then
        past_soft_loss := true;
        breach_flags := array_append(breach_flags, v_name);
      end if;
      if v_outcome = 'passed' then
        v_limit.code := null;
      else
        if (v_base is null or v_slope is null or v_scale is null and v_limit.kind in (
              'order_notional', 'order_quantity', 'position_quantity', 'position_notional')) and v_limit.kind not in (
             'quote_age_ms', 'account_state_age_ms', 'reward_to_risk_min') then
          v_limit.code := 'TR326';
        end if;
        if v_outcome = 'denied' then
          code := coalesce(code, v_limit.code);
          breach_flags := array_append(breach_flags, v_name);
        else
          trimmed_by := array_append(trimmed_by, v_name);
        end if;
        failed := coalesce(failed, '[]') || jsonb_build_object(
          'limit_kind', v_limit.kind, 'scope', v_limit.scope, 'scope_id', v_limit.scope_id,
          'limit_value', v_limit.value::text, 'observed', v_observed::text,
          'projected', v_projected::text, 'unit', v_limit.unit, 'outcome', v_outcome,
          'code', v_limit.code);
      end if;
      checks := array_append(checks, row(
        p_read.intent_id, v_limit.kind, v_limit.scope, v_limit.scope_id, v_limit.value,
        v_observed, v_projected, v_limit.unit, v_outcome, v_limit.code,
        p_read.checked_at, null)::public.risk_checks);
    end loop;
    v_room := case when p_trim and v_room_min * p_read.step >= p_read.volume_min
                   then v_room_min else v_wanted end;
    exit when v_room = v_steps;
    v_steps := v_room;
  end loop;

  if p_conditions ?| array['cooldowns', 'windows'] then
    foreach v_check in array risk.judge_conditions(
      p_read, p_conditions, v_steps <= v_closing)
    loop
      checks := array_append(checks, v_check);
      continue when v_check.outcome = 'passed';
      code := coalesce(code, v_check.code);
      breach_flags := array_append(breach_flags, v_check.scope || '.' || v_check.limit_kind);
      failed := coalesce(failed, '[]') || jsonb_build_object(
        'limit_kind', v_check.limit_kind, 'scope', v_check.scope, 'scope_id', v_check.scope_id,
        'limit_value', '1', 'observed', v_check.observed::text,
        'projected', v_check.projected::text, 'unit', 'flag', 'outcome', 'denied',
        'code', v_check.code);
    end loop;
  end if;
  if v_missing is not null then
    code := 'TR301';
  end if;
  if p_read.reduce_only then
    v_outcome := case
      when v_steps > v_closing then 'denied'
      when v_steps < v_wanted and v_closing < v_wanted then 'trimmed' else 'passed' end;
    checks := array_append(checks, row(
      p_read.intent_id, 'reduce_only', 'account', p_read.account_id, v_closing * p_read.step, 0,
      quantity, 'lots', v_outcome, case when v_outcome <> 'passed' then 'TR340' end,
      p_read.checked_at, null)::public.risk_checks);
    if v_outcome = 'denied' then
      -- What is missing altogether comes first by name, as everything of one rank does.
      code := case when v_missing < 'reduce_only' then code else 'TR340' end;
      breach_flags := array_append(breach_flags, 'account.reduce_only');
    elsif v_outcome = 'trimmed' then
      trimmed_by := array_append(trimmed_by, 'account.reduce_only');
    end if;
    if v_outcome <> 'passed' then
      failed := jsonb_build_object(
        'limit_kind', 'reduce_only', 'scope', 'account', 'scope_id', p_read.account_id,
        'limit_value', (v_closing * p_read.step)::text, 'observed', '0',
        'projected', quantity::text, 'unit', 'lots', 'outcome', v_outcome, 'code', 'TR340')
        || coalesce(failed, '[]');
    end if;
  end if;
  if cardinality(trimmed_by) > 1 then
    trimmed_by := array(select distinct t.name from unnest(trimmed_by) t(name) order by 1);
  end if;
  if cardinality(breach_flags) > 1 then
    breach_flags := array(select distinct t.name from unnest(breach_flags) t(name) order by 1);
  end if;
  v_worst := greatest(v_ahead + quantity, v_behind) * v_lot;
  var := round(2.326348 * (v_var_other + v_worst * v_sigma), 2);
  margin_used := round((v_gross[v_own] + v_worst) * p_read.margin_rate / v_equity, 6);
end $$;
comment on function risk.judge_limits(record, text, jsonb, text[], jsonb, jsonb, boolean, numeric) is
  'Judge one intent against every limit that applies, trimming where allowed; one check per limit. Reads, writes nothing.';
