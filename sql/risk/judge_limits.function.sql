-- Every limit is linear in the quantity: projected = base + slope × quantity. That makes a
-- trim exact, in whole volume steps. `closing` is how much of the order only closes.
-- p_fact: one intent with its account, quote and figures, as read_intents gives them.
create or replace function risk.judge_limits(
  p_limits risk.limits[], p_fact jsonb, p_reaches text[], p_rates jsonb, p_sigmas jsonb,
  p_trim boolean, p_soft_loss_factor numeric)
returns table (
  quantity numeric, code text, trimmed_by text[], breach_flags text[], utilization numeric,
  var numeric, margin_used numeric, checks public.risk_checks[], failed jsonb,
  past_soft_loss boolean)
language plpgsql stable as $$
#variable_conflict use_column
begin
  return query
  with f as materialized (
    select x.*, case x.side when 'BUY' then 1 else -1 end as sign,
           div(x.requested, x.step) as wanted
      from jsonb_to_record(p_fact) as x(
        intent_id uuid, checked_at timestamptz, account_id text, org_id text, venue_id text, strategy_id text, symbol text, side text,
        currency text, requested numeric, step numeric, volume_min numeric, lot numeric,
        price numeric, mid numeric, spread numeric, quote_age_ms numeric, stop_loss numeric,
        take_profit numeric, contract_rate numeric, equity numeric, peak_equity numeric,
        day_start_equity numeric, state_age_ms numeric, margin_rate numeric,
        reduce_only boolean)
  ), book as materialized (
    select b.reach, b.orders, b.positions_other,
           -- Seen from the order: `ahead` is the position that its side may reach without it.
           case f.sign when 1 then b.quantity + b.buys else b.sells - b.quantity end as ahead,
           case f.sign when 1 then b.sells - b.quantity else b.quantity + b.buys end as behind,
           case when b.unvalued then null else b.gross_other end as gross_other,
           case when b.unvalued then null
                when f.sign = 1 then b.hi_other else b.lo_other end as net_other,
           case when b.unvalued then null
                when f.sign = 1 then b.lo_other else b.hi_other end as net_against,
           case when b.unvalued then null else b.var_other end as var_other,
           b.sigma_missing, f.lot, f.equity
      from f
      cross join lateral risk.measure_book(
        p_reaches, f.account_id, f.org_id, f.venue_id, f.currency, f.symbol, p_sigmas) b
  ), own as materialized (
    select b.*, div(greatest(-b.ahead, 0), f.step) as closing,
           coalesce((p_sigmas ->> f.symbol)::numeric, 0.05) as sigma,
           b.sigma_missing or p_sigmas ->> f.symbol is null as sigma_unknown
      from book b, f where b.reach = 'account'
  ), measure (kind, reach, observed, base, slope) as materialized (
    select m.kind, 'account', m.observed, m.base, m.slope
      from f, own o
      cross join lateral (
        select round((f.take_profit - f.price) * f.sign
                 / nullif((f.price - f.stop_loss) * f.sign, 0), 6),
               round(10000 * abs(f.price - f.mid) / f.mid, 4),
               round(10000 * f.spread / f.mid, 4),
               round(100 * greatest(f.day_start_equity - f.equity, 0)
                 / nullif(f.day_start_equity, 0), 6),
               round(100 * greatest(f.peak_equity - f.equity, 0) / nullif(f.peak_equity, 0), 6)
      ) as r(ratio, collar, spread, loss, drawdown)
      cross join lateral (values
        ('quote_age_ms', f.quote_age_ms, f.quote_age_ms, 0::numeric),
        ('account_state_age_ms', f.state_age_ms, f.state_age_ms, 0),
        ('stop_loss_required', (f.stop_loss is not null)::int, (f.stop_loss is not null)::int, 0),
        ('reward_to_risk_min', r.ratio, r.ratio, 0),
        ('price_collar_bps', r.collar, r.collar, 0),
        ('spread_bps', r.spread, r.spread, 0),
        ('daily_loss_hard_pct', r.loss, r.loss, 0),
        ('daily_loss_soft_pct', r.loss, r.loss, 0),
        ('drawdown_pct', r.drawdown, r.drawdown, 0),
        ('order_notional', 0, 0, f.lot),
        ('order_quantity', 0, 0, 1),
        ('risk_per_trade_pct', 0, 0,
         100 * abs(f.price - f.stop_loss) * f.contract_rate / f.equity),
        ('position_quantity', greatest(o.ahead, o.behind), o.ahead, 1),
        ('position_notional', greatest(o.ahead, o.behind) * f.lot, o.ahead * f.lot, f.lot),
        ('leverage', (o.gross_other + greatest(o.ahead, o.behind) * f.lot) / f.equity,
         (o.gross_other + o.ahead * f.lot) / f.equity, f.lot / f.equity),
        ('margin_used_pct',
         100 * f.margin_rate * (o.gross_other + greatest(o.ahead, o.behind) * f.lot) / f.equity,
         100 * f.margin_rate * (o.gross_other + o.ahead * f.lot) / f.equity,
         100 * f.margin_rate * f.lot / f.equity),
        ('var_pct',
         case when not o.sigma_unknown then 232.6348 / f.equity
           * (o.var_other + greatest(o.ahead, o.behind) * f.lot * o.sigma) end,
         case when not o.sigma_unknown then 232.6348 / f.equity
           * (o.var_other + o.ahead * f.lot * o.sigma) end,
         232.6348 * f.lot * o.sigma / f.equity),
        ('open_positions', o.positions_other + (greatest(o.ahead, o.behind) > 0)::int,
         o.positions_other + 1, 0)
      ) as m(kind, observed, base, slope)
    union all
    -- The leverage that one instrument takes, whatever else is held.
    select 'leverage', 'instrument', greatest(o.ahead, o.behind) * f.lot / f.equity,
           o.ahead * f.lot / f.equity, f.lot / f.equity
      from f, own o
    union all
    select m.kind, b.reach, m.observed, m.base, m.slope
      from f, own o, book b
      cross join lateral (values
        ('gross_exposure', b.gross_other + greatest(o.ahead, o.behind) * f.lot,
         b.gross_other + o.ahead * f.lot, f.lot),
        ('net_exposure',
         greatest(b.net_other + o.ahead * f.lot, b.net_against + o.behind * f.lot),
         b.net_other + o.ahead * f.lot, f.lot),
        ('open_orders', b.orders, b.orders + 1, 0),
        ('order_rate_per_minute', (p_rates ->> b.reach)::numeric,
         (p_rates ->> b.reach)::numeric + 1, 0)
      ) as m(kind, observed, base, slope)
  ), applicable as materialized (
    select l.scope, l.scope_id, k.kind, k.rank, k.unit, k.code, k.budget, k.spared,
           k.trims, l.value, m.observed, m.base, m.slope, m.kind is not null as measured,
           k.kind in ('stop_loss_required', 'reward_to_risk_min') as lower,
           case
             when not k.trims then f.wanted
             when k.kind = 'daily_loss_soft_pct' then
               case when m.base >= l.value then div(f.requested * p_soft_loss_factor, f.step)
                    else f.wanted end
             when m.base is null or m.slope is null or m.slope <= 0 then f.wanted
             when k.spared then
               greatest(div(greatest(l.value - m.base, 0), m.slope * f.step), o.closing)
             else div(greatest(l.value - m.base, 0), m.slope * f.step)
           end as room
      from f
      cross join own o
      cross join unnest(p_limits) l
      join risk.limit_kinds() k on k.kind = l.kind
      left join measure m on m.kind = l.kind and m.reach = case
        when k.summed and l.scope in ('platform', 'organization', 'venue') then l.scope
        when l.kind = 'leverage' and l.scope = 'instrument' then 'instrument'
        else 'account' end
     where l.scope_id = '*' or l.scope_id = case l.scope
             when 'organization' then f.org_id when 'account' then f.account_id
             when 'strategy' then f.strategy_id when 'instrument' then f.symbol
             when 'venue' then f.venue_id end
  ), sized as materialized (
    select c.steps < f.wanted as trimmed, c.steps * f.step as quantity,
           c.steps <= o.closing as reduces, o.closing, c.room, f.wanted
      from f, own o
      cross join lateral (
        select least(min(a.room), f.wanted,
                     case when f.reduce_only then o.closing else f.wanted end) as room
          from applicable a) t
      cross join lateral (
        -- What no longer fits is judged as asked, so that the record shows what broke.
        select case when p_trim and t.room * f.step >= f.volume_min then t.room
                    else f.wanted end as steps, t.room) c
  ), judged as materialized (
    select a.scope, a.scope_id, a.kind, a.rank, a.unit, a.budget, a.value, a.observed,
           round(a.base + a.slope * s.quantity, 8) as projected,
           a.spared and s.reduces as relieved,
           case
             when a.room < s.wanted and s.trimmed and a.base is not null then 'trimmed'
             when a.spared and s.reduces then 'passed'
             when a.base is null or a.slope is null then 'denied'
             when a.lower then case when a.base < a.value then 'denied' else 'passed' end
             when a.kind in ('daily_loss_hard_pct', 'drawdown_pct') then
               case when a.base >= a.value then 'denied' else 'passed' end
             when a.kind = 'daily_loss_soft_pct' then
               case when a.room < s.wanted then 'denied' else 'passed' end
             when a.base + a.slope * s.quantity > a.value then 'denied'
             else 'passed'
           end as outcome,
           case
             when (a.base is null or a.slope is null)
              and a.kind not in ('quote_age_ms', 'account_state_age_ms', 'reward_to_risk_min')
               then 'TR326'
             else a.code
           end as code
      from applicable a, sized s
    union all
    select 'platform', '*', k.kind, 0, k.unit, false, null, null, null, false, 'denied', 'TR301'
      from risk.limit_kinds() k
     where k.mandatory and not exists (select from applicable a where a.kind = k.kind)
    union all
    select 'account', f.account_id, 'reduce_only', 0, 'lots', false, o.closing * f.step,
           0, s.quantity, false,
           case when s.quantity > o.closing * f.step then 'denied'
                when s.trimmed and o.closing < s.wanted then 'trimmed' else 'passed' end, 'TR340'
      from f, own o, sized s
     where f.reduce_only
  )
  select s.quantity,
         (select j.code from judged j where j.outcome = 'denied'
           order by j.rank, j.kind, j.scope limit 1),
         coalesce((select array_agg(distinct j.scope || '.' || j.kind)
                     from judged j where j.outcome = 'trimmed'), '{}'),
         coalesce((select array_agg(distinct j.scope || '.' || j.kind)
                     from judged j
                    where j.outcome = 'denied'
                       or j.kind = 'daily_loss_soft_pct' and j.observed >= j.value), '{}'),
         coalesce((select max(case when j.value > 0 then round(j.projected / j.value, 6)
                                   when j.projected > 0 then 1 else 0 end)
                     from judged j
                    where j.budget and not j.relieved and j.projected is not null), 0),
         (select round(2.326348 * (o.var_other
                   + greatest(o.ahead + s.quantity, o.behind) * o.lot * o.sigma), 2) from own o),
         (select round((o.gross_other + greatest(o.ahead + s.quantity, o.behind) * o.lot)
                   * f.margin_rate / f.equity, 6) from own o, f),
         (select array_agg(row(f.intent_id, j.kind, j.scope, j.scope_id, j.value, j.observed,
                               j.projected, j.unit, j.outcome,
                               case when j.outcome <> 'passed' then j.code end,
                               f.checked_at)::public.risk_checks)
            from judged j, f),
         (select jsonb_agg(jsonb_build_object(
                   'limit_kind', j.kind, 'scope', j.scope, 'scope_id', j.scope_id,
                   'limit_value', j.value::text, 'observed', j.observed::text,
                   'projected', j.projected::text, 'unit', j.unit, 'outcome', j.outcome,
                   'code', j.code) order by j.rank, j.scope, j.scope_id)
            from judged j where j.outcome <> 'passed'),
         exists (select from judged j
                  where j.kind = 'daily_loss_soft_pct' and j.observed >= j.value)
    from sized s;
end $$;
comment on function risk.judge_limits(risk.limits[], jsonb, text[], jsonb, jsonb, boolean, numeric) is
  'Judge one intent against every limit that applies, trimming where allowed; one check per limit. Reads, writes nothing.';
