-- A statistic, not money: doubles do. The shortest timeframe with enough bars speaks. Yang and
-- Zhang's estimator (Journal of Business 73(3), 2000): it stands drift and opening jumps, and
-- needs a seventh of the bars that closes alone would.
create or replace function risk.measure_volatility(p_symbols text[])
returns table (symbol text, sigma numeric, good_until timestamptz)
language plpgsql stable as $$
begin
  return query
  select s.symbol, v.sigma, v.good_until
    from unnest(p_symbols) as s(symbol)
    cross join lateral (
      select round((sqrt(greatest(y.variance, 0) * f.per_day))::numeric, 8) as sigma,
             r.last_at + f.back as good_until
        from (values (1, 'M15', 96, interval '7 days'), (2, 'H1', 24, interval '30 days'),
                     (3, 'D1', 1, interval '200 days'))
             as f(nr, timeframe, per_day, back)
        cross join lateral (
          select var_samp(b.gap) as gaps, var_samp(b.day) as days,
                 avg(b.up * (b.up - b.day) + b.down * (b.down - b.day)) as inside,
                 count(b.gap) as n, max(b.opened_at) as last_at
            from (select m.opened_at, m.day, m.up, m.down,
                         m.opened - lag(m.closed) over (order by m.opened_at) as gap
                    from (select k.opened_at, ln(k.open::float8) as opened,
                                 ln(k.close::float8) as closed,
                                 ln((k.close / k.open)::float8) as day,
                                 ln((k.high / k.open)::float8) as up,
                                 ln((k.low / k.open)::float8) as down
                            from public.market_bars k
                           where k.symbol = s.symbol and k.timeframe = f.timeframe
                             and k.opened_at > now() - f.back
                           order by k.opened_at desc limit 97) m) b
           where b.gap is not null) r
        cross join lateral (
          select 0.34 / (1.34 + (r.n + 1.0) / nullif(r.n - 1.0, 0)) as k) w
        cross join lateral (
          select (r.gaps + w.k * r.days + (1 - w.k) * r.inside)::float8 as variance) y
       where r.n >= 20
       order by f.nr
       limit 1) v;
end $$;
comment on function risk.measure_volatility(text[]) is
  'Standard deviation of one day''s log return by symbol (Yang-Zhang), from the last 96 bars of M15, H1 or D1; symbols with fewer than 20 returns are left out. Internal.';
