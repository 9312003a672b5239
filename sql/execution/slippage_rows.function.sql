create or replace function execution.slippage_rows(p_items jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
           'i', x.i,
           'fitted_at', (select m.fitted_at from execution.slippage_models m where m.active),
           'rows', (
             select coalesce(jsonb_agg(jsonb_build_object(
                      'slippage_bps', f.slippage_bps, 'quantity', f.quantity,
                      'spread_bps', 10000 * (t.ask - t.bid) / ((t.ask + t.bid) / 2),
                      'sigma', v.sigma, 'volume', d.volume, 'latency_ms', l.p50_ms,
                      'filled_at', f.filled_at, 'passive', o.limit_price is not null)
                      order by f.filled_at, f.fill_id), '[]')
               from (select k.fill_id, k.order_id, k.venue_id, k.account_id, k.symbol, k.quantity,
                            k.slippage_bps, k.filled_at
                       from public.fills k
                      where k.slippage_bps is not null
                      order by k.filled_at desc, k.fill_id limit x.rows_max) f
               join public.orders o on o.order_id = f.order_id
               join risk.volatilities v on v.symbol = f.symbol
               -- The quote as the order was made: what came later it could not have known.
               cross join lateral (
                 select q.bid, q.ask from public.market_ticks q
                  where q.venue_id = f.venue_id and q.symbol = f.symbol
                    and q.quoted_at <= o.created_at
                    and q.quoted_at > o.created_at - interval '1 minute'
                  order by q.quoted_at desc limit 1) t
               left join execution.latency_baselines l
                 on l.venue_id = f.venue_id and l.route = f.account_id
                and l.order_type = o.order_type and l.span = 'week'
               left join lateral (
                 select sum(b.volume) as volume from public.market_bars b
                  where b.symbol = f.symbol and b.timeframe = 'M15'
                    and b.opened_at < o.created_at
                    and b.opened_at > o.created_at - interval '1 day') d on true))), '[]')
    from jsonb_to_recordset(p_items) as x(i int, rows_max int)
$$;
comment on function execution.slippage_rows(jsonb) is
  'The newest fills with what was known of each as its order was made, for fitting what orders slip by.';
grant execute on function execution.slippage_rows(jsonb) to housekeeping_agent;
