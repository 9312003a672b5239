-- What brakes look at. Everyone gets a row, also who did nothing: a missing row means that this
-- stopped, and denies. Samples that are too small say zero.
create or replace function risk.renew_measurements(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_rows int;
begin
  with everyone as materialized (
    select 'account' as scope, a.account_id as scope_id from public.accounts a
    union all select 'strategy', s.strategy_id from public.strategies s
    union all select 'venue', v.venue_id from public.venues v
    union all select 'instrument', i.symbol from public.instruments i where i.state = 'tradable'
  ), sent as materialized (
    select o.account_id, o.strategy_id, o.venue_id, o.symbol,
           (o.status = 'rejected')::int as rejected
      from (select k.order_id from execution.attempts k
             where k.opened_at > v_now - interval '15 minutes'
             order by k.opened_at desc limit 2000) a
      join public.orders o on o.order_id = a.order_id
     where o.status not in ('submitted', 'unknown')
  ), rejection as (
    select c.scope, c.scope_id, count(*) as n, 100.0 * avg(s.rejected) as value
      from sent s
      cross join lateral (values ('account', s.account_id), ('strategy', s.strategy_id),
                                 ('venue', s.venue_id), ('instrument', s.symbol))
             as c(scope, scope_id)
     group by c.scope, c.scope_id
  ), moved as materialized (
    -- A minute after the fill: how far did the market go against it?
    select f.account_id, f.strategy_id, f.venue_id, f.symbol,
           10000 * (f.price - t.mid) / f.price * case f.side when 'BUY' then 1 else -1 end as bps
      from public.organizations g
      cross join lateral (
        select k.account_id, k.strategy_id, k.venue_id, k.symbol, k.side, k.price, k.filled_at
          from public.fills k
         where k.org_id = g.org_id and k.filled_at > v_now - interval '1 hour'
           and k.filled_at <= v_now - interval '1 minute'
         order by k.filled_at desc limit 500) f
      cross join lateral (
        select (m.bid + m.ask) / 2 as mid from public.market_ticks m
         where m.venue_id = f.venue_id and m.symbol = f.symbol
           and m.quoted_at >= f.filled_at + interval '1 minute'
           and m.quoted_at < f.filled_at + interval '5 minutes'
         order by m.quoted_at limit 1) t
  ), adverse as (
    select c.scope, c.scope_id, count(*) as n, avg(m.bps) as value
      from moved m
      cross join lateral (values ('account', m.account_id), ('strategy', m.strategy_id),
                                 ('venue', m.venue_id), ('instrument', m.symbol))
             as c(scope, scope_id)
     group by c.scope, c.scope_id
  )
  insert into risk.measurements (scope, scope_id, kind, value, sample, as_of, good_until)
  select e.scope, e.scope_id, k.kind,
         round(case when k.n >= 10 then k.value else 0 end, 6), coalesce(k.n, 0), v_now,
         v_now + interval '10 minutes'
    from everyone e
    left join rejection r on r.scope = e.scope and r.scope_id = e.scope_id
    left join adverse d on d.scope = e.scope and d.scope_id = e.scope_id
    cross join lateral (values ('rejection_rate_pct', r.n, r.value),
                               ('adverse_selection_bps', d.n, d.value)) as k(kind, n, value)
   order by e.scope, e.scope_id, k.kind
  on conflict (scope, scope_id, kind) do update
     set value = excluded.value, sample = excluded.sample, as_of = excluded.as_of,
         good_until = excluded.good_until;
  get diagnostics v_rows = row_count;
  return jsonb_build_array(jsonb_build_object(
    'i', p_items -> 0 -> 'i', 'measured', v_rows, 'cooldowns', risk.cool_down_braked()));
end $$;
comment on function risk.renew_measurements(jsonb) is
  'Measure rejections of the last 15 minutes and adverse selection of the last hour for every account, strategy, venue and symbol; send strategies and venues past a brake to rest.';
grant execute on function risk.renew_measurements(jsonb) to housekeeping_agent;
