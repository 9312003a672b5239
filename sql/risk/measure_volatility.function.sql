-- A statistic, not money: doubles do. The shortest timeframe with enough bars speaks.
create or replace function risk.measure_volatility(p_symbols text[])
returns table (symbol text, sigma numeric, good_until timestamptz)
language plpgsql stable as $$
begin
  return query
  select s.symbol, v.sigma, v.good_until
    from unnest(p_symbols) as s(symbol)
    cross join lateral (
      select round((sqrt(r.variance * f.per_day))::numeric, 8) as sigma,
             r.last_at + f.back as good_until
        from (values (1, 'M15', 96, interval '7 days'), (2, 'H1', 24, interval '30 days'),
                     (3, 'D1', 1, interval '200 days'))
             as f(nr, timeframe, per_day, back)
        cross join lateral (
          select avg(b.change * b.change) as variance, count(b.change) as n,
                 max(b.opened_at) as last_at
            from (select m.opened_at, ln(m.close::float8
                    / lag(m.close::float8) over (order by m.opened_at)) as change
                    from (select k.opened_at, k.close from public.market_bars k
                           where k.symbol = s.symbol and k.timeframe = f.timeframe
                             and k.opened_at > now() - f.back
                           order by k.opened_at desc limit 97) m) b) r
       where r.n >= 20
       order by f.nr
       limit 1) v;
end $$;
comment on function risk.measure_volatility(text[]) is
  'Standard deviation of one day''s log return by symbol, from the last 96 bars of M15, H1 or D1; symbols with fewer than 20 returns are left out. Internal.';
