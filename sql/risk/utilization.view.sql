-- How full every limit of the pack in force is, for each account (and symbol) that it applies to,
-- or once for a scope that adds its accounts up. Limits of a single order never fill: `used` is
-- null, as it is for figures that are missing. Positions are seen in the worst case, as
-- authority sees them: everything reserved may fill, and may not.
drop view if exists risk.utilization;
create view risk.utilization with (security_invoker = true) as
with limits as materialized (
  select l.scope, l.scope_id, l.kind, l.unit, l.value
    from risk.limits l
    join risk.policies p on p.policy_hash = l.policy_hash and p.active
), numbers as materialized (
  select (p.body #>> '{authority,margin_rate}')::numeric as margin_rate,
         (p.body #>> '{authority,basket_correlation}')::numeric as basket_from
    from risk.policies p where p.active
), enrolled as materialized (
  -- Strategies that the pack gives further accounts, with all of them.
  select s.strategy_id, s.org_id, e.account_id
    from risk.policies p
   cross join lateral jsonb_each(
      case when p.body -> 'venues' <> 'null' then p.body #> '{venues,accounts}' end) x
    join public.strategies s on s.strategy_id = x.key
   cross join lateral (
      select s.account_id union select jsonb_array_elements_text(x.value)) e
   where p.active
), held as materialized (
  select h.account_id, h.symbol, sum(h.quantity) + sum(h.buys) as hi,
         sum(h.sells) - sum(h.quantity) as lo, sum(h.orders) as orders
    from (select p.account_id, p.symbol, p.quantity, 0 as buys, 0 as sells, 0 as orders
            from public.positions p where p.quantity <> 0
          union all
          select r.account_id, r.symbol, 0,
                 case r.side when 'BUY' then r.remaining_quantity else 0 end,
                 case r.side when 'SELL' then r.remaining_quantity else 0 end, 1
            from risk.reservations r where r.released_at is null) h
   group by h.account_id, h.symbol
), valued as materialized (
  select h.*, a.org_id, a.venue_id, greatest(h.hi, h.lo) as worst, q.lot, v.sigma,
         greatest(h.hi, h.lo) * q.lot as gross, h.hi * q.lot as long, h.lo * q.lot as short
    from held h
    join public.accounts a on a.account_id = h.account_id
    left join public.instruments i on i.symbol = h.symbol
    left join public.latest_quotes m on m.venue_id = a.venue_id and m.symbol = h.symbol
    left join public.latest_quotes d
      on i.quote_currency <> a.currency and d.venue_id = a.venue_id
     and d.symbol = i.quote_currency || a.currency
    left join public.latest_quotes n
      on i.quote_currency <> a.currency and n.venue_id = a.venue_id
     and n.symbol = a.currency || i.quote_currency
    left join risk.volatilities v on v.symbol = h.symbol and v.good_until > now()
    cross join lateral (
      select round(i.contract_size * (m.bid + m.ask) / 2 * case
                     when i.quote_currency = a.currency then 1
                     when i.base_currency = a.currency then 2 / (m.bid + m.ask)
                     else coalesce((d.bid + d.ask) / 2, 2 / (n.bid + n.ask)) end, 8) as lot) q
), rated as materialized (
  select i.account_id, i.strategy_id, i.symbol, count(*) as n
    from public.intents i
   where i.created_at > clock_timestamp() - interval '1 minute'
     and i.org_id in (select o.org_id from public.organizations o)
     and i.authorized_quantity is not null
   group by i.account_id, i.strategy_id, i.symbol
), tail as materialized (
  select t.account_id, -max(t.pnl) filter (where t.nr <= t.n) as var,
         -avg(t.pnl) filter (where t.nr <= t.n) as shortfall
    from (select o.account_id, o.pnl,
                 row_number() over (partition by o.account_id order by o.pnl) as nr,
                 ceil(count(*) over (partition by o.account_id) * 0.01) as n
            from (select b.account_id, r.nr,
                         sum(least(b.long::float8 * r.value, -b.short::float8 * r.value)) as pnl
                    from valued b
                    join risk.scenarios s on s.symbol = b.symbol
                                         and s.good_until > clock_timestamp()
                    cross join lateral unnest(s.returns) with ordinality as r(value, nr)
                   group by b.account_id, r.nr) o) t
   group by t.account_id
), account as materialized (
  select a.account_id, a.org_id, a.venue_id, z.equity, z.peak_equity, z.as_of,
         case when z.day = (clock_timestamp() at time zone 'utc')::date
              then z.day_start_equity else z.equity end as day_start_equity,
         coalesce(b.orders, 0) as orders, coalesce(b.positions, 0) as positions,
         case when not coalesce(b.unknown, false) then coalesce(b.gross, 0) end as gross,
         case when not coalesce(b.unknown, false) then coalesce(b.long, 0) end as long,
         case when not coalesce(b.unknown, false) then coalesce(b.short, 0) end as short,
         b.var, coalesce(k.n, 0) as rate,
         case when b.account_id is null then 0 when not b.unscened then t.var end as tail_var,
         case when b.account_id is null then 0 when not b.unscened then t.shortfall end
           as tail_shortfall
    from public.accounts a
    join risk.account_state z on z.account_id = a.account_id
    left join (
      select v.account_id, sum(v.orders) as orders, count(*) as positions,
             bool_or(v.lot is null) as unknown, sum(v.gross) as gross, sum(v.long) as long,
             sum(v.short) as short,
             case when bool_and(v.sigma is not null) then sum(v.gross * v.sigma) end as var,
             bool_or(not exists (select from risk.scenarios s
                                  where s.symbol = v.symbol
                                    and s.good_until > clock_timestamp())) as unscened
        from valued v group by v.account_id) b on b.account_id = a.account_id
    left join (select r.account_id, sum(r.n) as n from rated r group by r.account_id) k
      on k.account_id = a.account_id
    left join tail t on t.account_id = a.account_id
   where a.state <> 'closed'
), measure (kind, org_id, venue_id, account_id, symbol, used) as (
  select m.kind, c.org_id, c.venue_id, c.account_id, null::text, m.used
    from account c
   cross join numbers x
   cross join lateral (values
     ('gross_exposure', c.gross),
     ('net_exposure', greatest(c.long, c.short)),
     ('leverage', c.gross / nullif(c.equity, 0)),
     ('margin_used_pct', 100 * x.margin_rate * c.gross / nullif(c.equity, 0)),
     ('free_balance_min', c.equity - x.margin_rate * c.gross),
     ('daily_loss_soft_pct', 100 * greatest(c.day_start_equity - c.equity, 0)
                               / nullif(c.day_start_equity, 0)),
     ('daily_loss_hard_pct', 100 * greatest(c.day_start_equity - c.equity, 0)
                               / nullif(c.day_start_equity, 0)),
     ('drawdown_pct', 100 * greatest(c.peak_equity - c.equity, 0) / nullif(c.peak_equity, 0)),
     ('var_pct', case when c.positions = 0 then 0
                      else 232.6348 * c.var / nullif(c.equity, 0) end),
     ('scenario_var_pct', 100 * c.tail_var::numeric / nullif(c.equity, 0)),
     ('expected_shortfall_pct', 100 * c.tail_shortfall::numeric / nullif(c.equity, 0)),
     ('open_orders', c.orders), ('open_positions', c.positions),
     ('order_rate_per_minute', c.rate),
     ('account_state_age_ms', round(extract(epoch from clock_timestamp() - c.as_of) * 1000))
   ) as m(kind, used)
  union all
  select m.kind, v.org_id, v.venue_id, v.account_id, v.symbol, m.used
    from valued v
    join account c on c.account_id = v.account_id
   cross join lateral (values
     ('position_quantity', v.worst), ('position_notional', v.gross),
     ('leverage', v.gross / nullif(c.equity, 0)),
     ('concentration_pct', 100 * v.gross / nullif(c.equity, 0)),
     ('basket_exposure_pct', 100 / nullif(c.equity, 0) * greatest(
       (select sum(case when k.rho is null then null when abs(k.rho) < x.basket_from then 0
                        when k.rho > 0 then o.long else o.short end)
          from valued o cross join numbers x
          cross join lateral (
            select case when o.symbol = v.symbol then 1
                        else (select (s.correlations ->> o.symbol)::numeric
                                from risk.scenarios s where s.symbol = v.symbol) end as rho) k
         where o.account_id = v.account_id),
       (select sum(case when k.rho is null then null when abs(k.rho) < x.basket_from then 0
                        when k.rho > 0 then o.short else o.long end)
          from valued o cross join numbers x
          cross join lateral (
            select case when o.symbol = v.symbol then 1
                        else (select (s.correlations ->> o.symbol)::numeric
                                from risk.scenarios s where s.symbol = v.symbol) end as rho) k
         where o.account_id = v.account_id)))
   ) as m(kind, used)
), applied as (
  -- What adds up over the accounts of a platform, organisation or venue.
  select l.*, s.org_id, null::text as account_id, null::text as symbol,
         s.name as subject, case when bool_or(m.used is null) then null else sum(m.used) end as used
    from limits l
    join (select 'platform' as scope, '*' as name, null::text as org_id
          union all select 'organization', o.org_id, o.org_id from public.organizations o
          union all select 'venue', v.venue_id, null from public.venues v) s
      on s.scope = l.scope and l.scope_id in ('*', s.name)
    join measure m on m.kind = l.kind and m.symbol is null
                  and (l.scope = 'platform'
                       or l.scope = 'organization' and m.org_id = s.name
                       or l.scope = 'venue' and m.venue_id = s.name)
                  -- What runs in the shadow spends nobody's budgets but its own.
                  and (l.scope = 'venue' or not exists (
                         select from public.accounts h
                          where h.account_id = m.account_id and h.mode = 'shadow'))
   where l.kind in ('gross_exposure', 'net_exposure', 'open_orders', 'order_rate_per_minute')
   group by l.scope, l.scope_id, l.kind, l.unit, l.value, s.org_id, s.name
  union all
  -- What adds up over the several accounts of a strategy.
  select l.*, e.org_id, null, m.symbol, coalesce(m.symbol, e.strategy_id),
         case when bool_or(m.used is null) then null else sum(m.used) end
    from limits l
    join enrolled e on l.scope = 'strategy' and l.scope_id in ('*', e.strategy_id)
    join measure m on m.kind = l.kind and m.account_id = e.account_id
   where l.kind in ('gross_exposure', 'net_exposure', 'open_orders', 'position_quantity',
                    'position_notional')
   group by l.scope, l.scope_id, l.kind, l.unit, l.value, e.org_id, e.strategy_id, m.symbol
  union all
  select l.*, null, null, null, v.venue_id, sum(c.equity)
    from limits l
    join public.venues v on l.scope = 'platform' or l.scope_id in ('*', v.venue_id)
    join account c on c.venue_id = v.venue_id
   where l.kind = 'counterparty_equity'
   group by l.scope, l.scope_id, l.kind, l.unit, l.value, v.venue_id
  union all
  -- What each account, and each symbol in it, is held to.
  select l.*, m.org_id, m.account_id, m.symbol, coalesce(m.symbol, m.account_id), m.used
    from limits l
    join measure m on m.kind = l.kind
   where not (l.kind in ('gross_exposure', 'net_exposure', 'open_orders',
                         'order_rate_per_minute')
              and l.scope in ('platform', 'organization', 'venue'))
     and not (l.kind = 'order_rate_per_minute' and l.scope in ('strategy', 'instrument'))
     and (l.kind <> 'leverage' or (l.scope = 'instrument') = (m.symbol is not null))
     and (l.scope_id = '*' and (l.scope <> 'instrument' or m.symbol is not null)
          or l.scope_id = case l.scope
               when 'organization' then m.org_id when 'venue' then m.venue_id
               when 'account' then m.account_id when 'instrument' then m.symbol end
          or l.scope = 'strategy' and exists (
               select from public.strategies s
                where s.account_id = m.account_id and s.strategy_id = l.scope_id)
             and (l.kind not in ('gross_exposure', 'net_exposure', 'open_orders',
                                 'position_quantity', 'position_notional')
                  or not exists (select from enrolled e where e.strategy_id = l.scope_id)))
  union all
  select l.*, s.org_id, s.account_id, null, s.strategy_id,
         coalesce((select sum(r.n) from rated r where r.strategy_id = s.strategy_id), 0)
    from limits l
    join public.strategies s on l.scope_id in ('*', s.strategy_id)
   where l.kind = 'order_rate_per_minute' and l.scope = 'strategy'
  union all
  select l.*, null, null, i.symbol, i.symbol,
         coalesce((select sum(r.n) from rated r where r.symbol = i.symbol), 0)
    from limits l
    join public.instruments i on i.state = 'tradable' and l.scope_id in ('*', i.symbol)
   where l.kind = 'order_rate_per_minute' and l.scope = 'instrument'
  union all
  -- What is measured of those that trade.
  select l.*, coalesce(a.org_id, t.org_id), a.account_id, null, e.scope_id,
         case when e.good_until > clock_timestamp() then e.value end
    from limits l
    join risk.measurements e
      on e.kind = l.kind
     and e.scope = case when l.scope in ('platform', 'organization') then 'account'
                        else l.scope end
    left join public.accounts a on e.scope = 'account' and a.account_id = e.scope_id
    left join public.strategies t on e.scope = 'strategy' and t.strategy_id = e.scope_id
   where l.scope_id in ('*', case l.scope when 'organization' then a.org_id else e.scope_id end)
  union all
  -- What every quote is held to.
  select l.*, null, null, q.symbol, q.symbol || '@' || q.venue_id,
         case l.kind when 'spread_bps' then 20000 * (q.ask - q.bid) / (q.ask + q.bid)
                     else round(extract(epoch from clock_timestamp() - q.received_at) * 1000) end
    from limits l
    join public.latest_quotes q
      on l.scope_id = '*' or l.scope_id = case l.scope when 'instrument' then q.symbol
                                                       when 'venue' then q.venue_id end
   where l.kind in ('spread_bps', 'quote_age_ms')
  union all
  select l.*, null, null, null, l.scope_id, null
    from limits l
   where l.kind in ('order_notional', 'order_quantity', 'risk_per_trade_pct', 'price_collar_bps',
                    'stop_loss_required', 'reward_to_risk_min', 'news_distance_s_min')
)
select a.scope, a.scope_id, a.subject, a.org_id, a.account_id, a.symbol, a.kind, a.unit,
       a.value as limit_value, round(a.used, 6) as used,
       case when a.used is null then null
            -- A floor is full when nothing is left above it.
            when a.kind like '%\_min' then
              case when a.used > 0 then round(a.value / a.used, 6) else 1 end
            when a.value > 0 then round(a.used / a.value, 6)
            when a.used > 0 then 1 else 0 end as utilization
  from applied a;
comment on view risk.utilization is
  'How full every limit of the pack in force is, per scope, account and symbol; 1 is full, null never fills or is not known.';
grant select on risk.utilization to desk_reader, auditor, desk_operator, treasury_operator;
