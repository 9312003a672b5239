-- Every limit but the tails is linear in the quantity: projected = base + slope × quantity. That
-- makes a trim exact, in whole volume steps; a tail's is searched for, where it does not hold. `closing` is how much of the order only closes.
-- p_read: one intent as risk.read_asked gives it; p_batch: what holds for all of its batch;
-- p_slices: what the account may use of shared budgets and what the others may, null where
-- p_book is everyone's. A loop over plain variables: one query for all of this takes longer to
-- start than to run. What fits is done with at once; rooms and refusals are for what does not.
create or replace function risk.judge_limits(
  p_read record, p_batch record, p_book jsonb, p_rates jsonb, p_conditions jsonb,
  p_slices jsonb,
  out quantity numeric, out code text, out trimmed_by text[], out breach_flags text[],
  out utilization numeric, out var numeric, out margin_used numeric,
  out checks public.risk_checks[], out failed jsonb, out past_soft_loss boolean,
  out beyond_slices boolean)
language plpgsql stable as $$
#variable_conflict use_variable
declare
  v_sign int := case when p_read.side = 'BUY' then 1 else -1 end;
  v_lot numeric := p_read.lot;
  v_equity numeric := p_read.equity;
  v_sigma numeric := coalesce(p_read.sigma, 0.05);
  v_wanted numeric := div(p_read.requested, p_read.step);
  v_held record := risk.weigh_book(p_read, p_book, p_batch.reaches, p_conditions);
  v_own int := array_position(p_batch.reaches, 'account');
  -- Where a strategy has several accounts, its limits of size and exposure hold over all of them.
  v_together int := array_position(p_batch.reaches, 'strategy');
  v_n int;
  v_closing numeric := div(greatest(-v_held.ahead, 0), p_read.step);
  v_loss numeric := round(100 * greatest(p_read.day_start_equity - v_equity, 0)
                          / nullif(p_read.day_start_equity, 0), 6);
  v_drawdown numeric := round(100 * greatest(p_read.peak_equity - v_equity, 0)
                              / nullif(p_read.peak_equity, 0), 6);
  v_scale numeric := case when p_conditions ? 'scaling'
                          then risk.size_scale(p_read, p_conditions) else 1 end;
  v_limit risk.limit_in_force;
  v_seen bigint := 0;
  v_steps numeric;
  v_room numeric;
  v_room_min numeric;
  v_tail_rooms jsonb;
  v_slice jsonb;
  v_share numeric;
  v_base numeric;
  v_slope numeric;
  v_observed numeric;
  v_after numeric;
  v_projected numeric;
  v_worst numeric;
  v_outcome text;
  v_code text;
  v_relieved boolean;
  v_name text;
  v_tails record;
  v_check public.risk_checks;
begin
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
    beyond_slices := false;
    foreach v_limit in array p_batch.limits loop
      continue when v_limit.scope_id <> '*' and v_limit.scope_id is distinct from
        case v_limit.scope
          when 'organization' then p_read.org_id when 'account' then p_read.account_id
          when 'strategy' then p_read.strategy_id when 'instrument' then p_read.symbol
          when 'venue' then p_read.venue_id end;
      v_seen := v_seen | (1::bigint << v_limit.rank);
      v_n := v_own;
      if v_limit.shared and p_slices is null then
        v_n := array_position(p_batch.reaches, v_limit.scope);
      elsif v_limit.scope = 'strategy' then
        v_n := coalesce(v_together, v_own);
      end if;
      v_slope := 0;
      v_observed := null;
      if v_scale is distinct from 1 and v_limit.kind in (
           'order_notional', 'order_quantity', 'position_quantity', 'position_notional') then
        v_limit.value := round(v_limit.value * coalesce(v_scale, 0), 8);
      end if;
      case v_limit.kind
        when 'quote_age_ms' then
          v_base := p_read.quote_age_ms;
        when 'account_state_age_ms' then
          v_base := p_read.state_age_ms;
        when 'stop_loss_required' then
          v_base := (p_read.stop_loss is not null)::int;
        when 'reward_to_risk_min' then
          v_base := round((p_read.take_profit - p_read.price) * v_sign
                          / nullif((p_read.price - p_read.stop_loss) * v_sign, 0), 6);
        when 'price_collar_bps' then
          v_base := round(10000 * abs(p_read.price - p_read.mid) / p_read.mid, 4);
        when 'spread_bps' then
          v_base := round(10000 * p_read.spread / p_read.mid, 4);
        when 'daily_loss_hard_pct', 'daily_loss_soft_pct' then
          v_base := v_loss;
        when 'drawdown_pct' then
          v_base := v_drawdown;
        when 'order_notional' then
          v_base := 0;
          v_slope := v_lot;
        when 'order_quantity' then
          v_base := 0;
          v_slope := 1;
        when 'risk_per_trade_pct' then
          v_base := 0;
          v_slope := 100 * abs(p_read.price - p_read.stop_loss) * p_read.contract_rate / v_equity;
        when 'position_quantity' then
          v_share := case when v_limit.scope = 'strategy' then v_held.beside else 0 end;
          v_base := v_held.ahead + v_share;
          v_observed := case v_limit.scope when 'strategy' then v_held.most_together
                                           else v_held.most end;
          v_slope := 1;
        when 'position_notional' then
          v_share := case when v_limit.scope = 'strategy' then v_held.beside else 0 end;
          v_base := (v_held.ahead + v_share) * v_lot;
          v_observed := v_lot * case v_limit.scope when 'strategy' then v_held.most_together
                                                   else v_held.most end;
          v_slope := v_lot;
        when 'gross_exposure' then
          v_base := v_held.gross[v_n] + v_held.ahead * v_lot;
          v_observed := v_held.gross[v_n] + v_held.most * v_lot;
          v_slope := v_lot;
        when 'net_exposure' then
          v_base := v_held.net[v_n] + v_held.ahead * v_lot;
          v_observed := greatest(
            v_base, v_held.against[v_n] + v_held.behind * v_lot);
          v_slope := v_lot;
        when 'leverage' then
          -- An instrument's own leverage counts nothing else that is held.
          v_share := case when v_limit.scope = 'instrument' then 0 else v_held.gross[v_own] end;
          v_base := (v_share + v_held.ahead * v_lot) / v_equity;
          v_observed := (v_share + v_held.most * v_lot) / v_equity;
          v_slope := v_lot / v_equity;
        when 'margin_used_pct' then
          v_base := 100 * p_read.margin_rate * (v_held.gross[v_own] + v_held.ahead * v_lot) / v_equity;
          v_observed := 100 * p_read.margin_rate * (v_held.gross[v_own] + v_held.most * v_lot) / v_equity;
          v_slope := 100 * p_read.margin_rate * v_lot / v_equity;
        when 'var_pct' then
          v_base := case when not v_held.sigma_unknown then
            232.6348 / v_equity * (v_held.var_others + v_held.ahead * v_lot * v_sigma) end;
          v_observed := case when not v_held.sigma_unknown then
            232.6348 / v_equity * (v_held.var_others + v_held.most * v_lot * v_sigma) end;
          v_slope := 232.6348 * v_lot * v_sigma / v_equity;
        when 'open_positions' then
          v_base := v_held.others + 1;
          v_observed := v_held.others + (v_held.most > 0)::int;
        when 'open_orders' then
          v_base := v_held.orders[v_n] + 1;
          v_observed := v_held.orders[v_n];
        when 'order_rate_per_minute' then
          v_observed := case
            when v_limit.scope in ('strategy', 'instrument') then coalesce(
              (p_conditions #>> array['rates', v_limit.scope || '/' || case v_limit.scope
                 when 'strategy' then p_read.strategy_id else p_read.symbol end])::numeric, 0)
            else (p_rates ->> p_batch.reaches[v_n])::numeric end;
          v_base := v_observed + 1;
        when 'concentration_pct' then
          v_base := 100 * v_held.ahead * v_lot / v_equity;
          v_observed := 100 * v_held.most * v_lot / v_equity;
          v_slope := 100 * v_lot / v_equity;
        when 'basket_exposure_pct' then
          v_share := v_held.basket;
          v_base := 100 * (v_share + v_held.ahead * v_lot) / v_equity;
          v_observed := 100 * (v_share + v_held.most * v_lot) / v_equity;
          v_slope := 100 * v_lot / v_equity;
        when 'free_balance_min' then
          v_base := v_equity - p_read.margin_rate * (v_held.gross[v_own] + v_held.ahead * v_lot);
          v_observed := v_equity - p_read.margin_rate * (v_held.gross[v_own] + v_held.most * v_lot);
          v_slope := -p_read.margin_rate * v_lot;
        when 'counterparty_equity' then
          v_base := (p_conditions #>> array['counterparties', p_read.venue_id])::numeric;
        when 'scenario_var_pct', 'expected_shortfall_pct' then
          -- A tail is not linear in sum: it is measured at the quantity that is judged.
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
        when 'news_distance_s_min' then
          v_base := (p_conditions #>> array['news', p_read.symbol])::numeric;
        else
          -- A kind that nobody can measure denies.
          v_base := null;
      end case;
      v_observed := coalesce(v_observed, v_base);
      v_slice := null;
      if v_limit.shared and p_slices is not null then
        -- The others count with all that they may use.
        v_slice := p_slices -> (v_limit.scope || '.' || v_limit.kind);
        v_share := (v_slice ->> 'others')::numeric;
        v_base := v_base + v_share;
        v_observed := v_observed + v_share;
      end if;
      v_after := v_base + v_slope * quantity;
      v_projected := round(v_after, 8);
      v_relieved := v_limit.spared and v_steps <= v_closing;
      v_outcome := 'passed';
      v_code := null;
      if v_steps < v_wanted or not coalesce(
           case
             when v_limit.kind in ('stop_loss_required', 'reward_to_risk_min', 'free_balance_min',
                                   'news_distance_s_min') then v_after >= v_limit.value
             when v_limit.kind in ('daily_loss_hard_pct', 'daily_loss_soft_pct', 'drawdown_pct')
               then v_base < v_limit.value
             else v_after <= v_limit.value end, false) then
        v_room := v_wanted;
        if v_limit.trims then
          if v_limit.kind = 'daily_loss_soft_pct' then
            if v_base >= v_limit.value then
              v_room := div(p_read.requested * p_batch.soft_loss_factor, p_read.step);
            end if;
          elsif v_limit.kind in ('scenario_var_pct', 'expected_shortfall_pct') then
            v_name := v_limit.scope || '/' || v_limit.scope_id || '/' || v_limit.kind;
            if v_steps = v_wanted and v_base is not null then
              v_tail_rooms := coalesce(v_tail_rooms, '{}') || jsonb_build_object(
                v_name, greatest(
                  risk.tail_room(p_book, p_read.account_id, p_read.symbol, p_read.side, v_lot,
                                 p_read.step, v_wanted, v_limit.kind,
                                 v_limit.value * v_equity / 100),
                  case when v_limit.spared then v_closing end));
            end if;
            v_room := coalesce((v_tail_rooms ->> v_name)::numeric, v_room);
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
        v_outcome := case
          when v_room < v_wanted and v_steps < v_wanted and v_base is not null then 'trimmed'
          when v_relieved then 'passed'
          when v_base is null or v_slope is null then 'denied'
          when v_limit.kind in ('stop_loss_required', 'reward_to_risk_min', 'free_balance_min',
                                'news_distance_s_min') then
            case when v_after < v_limit.value then 'denied' else 'passed' end
          when v_limit.kind in ('daily_loss_hard_pct', 'drawdown_pct') then
            case when v_base >= v_limit.value then 'denied' else 'passed' end
          when v_limit.kind = 'daily_loss_soft_pct' then
            case when v_room < v_wanted then 'denied' else 'passed' end
          when v_after > v_limit.value then 'denied'
          else 'passed' end;
        v_name := v_limit.scope || '.' || v_limit.kind;
        if v_limit.kind = 'daily_loss_soft_pct' and v_observed >= v_limit.value then
          past_soft_loss := true;
          breach_flags := array_append(breach_flags, v_name);
        end if;
        if v_outcome <> 'passed' then
          v_code := case
            when v_limit.kind not in ('quote_age_ms', 'account_state_age_ms', 'reward_to_risk_min')
             and (v_base is null or v_slope is null or v_scale is null and v_limit.kind in (
                    'order_notional', 'order_quantity', 'position_quantity', 'position_notional'))
            then 'TR326' else v_limit.code end;
          if v_outcome = 'denied' then
            code := coalesce(code, v_code);
            breach_flags := array_append(breach_flags, v_name);
          else
            trimmed_by := array_append(trimmed_by, v_name);
          end if;
          failed := coalesce(failed, '[]') || jsonb_build_object(
            'limit_kind', v_limit.kind, 'scope', v_limit.scope, 'scope_id', v_limit.scope_id,
            'limit_value', v_limit.value::text, 'observed', v_observed::text,
            'projected', v_projected::text, 'unit', v_limit.unit, 'outcome', v_outcome,
            'code', v_code);
        end if;
      end if;
      if v_limit.budget and not v_relieved and v_projected is not null then
        if v_slice is not null and v_projected > v_share + (v_slice ->> 'own')::numeric then
          beyond_slices := true;
        end if;
        if v_limit.value <= 0 then
          utilization := greatest(utilization, case when v_projected > 0 then 1 else 0 end);
        elsif v_projected > utilization * v_limit.value then
          utilization := round(v_projected / v_limit.value, 6);
        end if;
      end if;
      checks := array_append(checks, row(
        p_read.intent_id, v_limit.kind, v_limit.scope, v_limit.scope_id, v_limit.value,
        v_observed, v_projected, v_limit.unit, v_outcome, v_code,
        p_read.checked_at, null)::public.risk_checks);
    end loop;
    v_room := case when p_batch.trims and v_room_min * p_read.step >= p_read.volume_min
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
  if v_seen & p_batch.mandatory <> p_batch.mandatory then
    -- First by its name, as everything of one rank is.
    for v_limit.kind, v_limit.unit in
      select k.kind, k.unit from risk.limit_kinds() k
       where k.mandatory and v_seen & (1::bigint << k.rank) = 0 order by k.kind desc
    loop
      breach_flags := array_append(breach_flags, 'platform.' || v_limit.kind);
      checks := array_append(checks, row(
        p_read.intent_id, v_limit.kind, 'platform', '*', null, null, null, v_limit.unit,
        'denied', 'TR301', p_read.checked_at, null)::public.risk_checks);
      failed := jsonb_build_object(
        'limit_kind', v_limit.kind, 'scope', 'platform', 'scope_id', '*',
        'limit_value', null, 'observed', null, 'projected', null, 'unit', v_limit.unit,
        'outcome', 'denied', 'code', 'TR301') || coalesce(failed, '[]');
    end loop;
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
      code := case when code = 'TR301' and v_limit.kind < 'reduce_only' then code else 'TR340' end;
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
  v_worst := greatest(v_held.ahead + quantity, v_held.behind) * v_lot;
  var := round(2.326348 * (v_held.var_others + v_worst * v_sigma), 2);
  margin_used := round((v_held.gross[v_own] + v_worst) * p_read.margin_rate / v_equity, 6);
end $$;
comment on function risk.judge_limits(record, record, jsonb, jsonb, jsonb, jsonb) is
  'Judge one intent against every limit that applies, trimming where allowed; one check per limit. Reads, writes nothing.';
