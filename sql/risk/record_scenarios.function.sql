-- All symbols change together: the vectors of one book must speak of the same days.
create or replace function risk.record_scenarios(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item jsonb := p_items -> 0;
begin
  if jsonb_array_length(p_items) <> 1 or 1 <> (
       select count(distinct jsonb_array_length(s -> 'returns'))
         from jsonb_array_elements(v_item -> 'symbols') s) then
    raise exception 'scenarios of all symbols have the same days' using errcode = 'TR327';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('risk.scenarios', 0));
  delete from risk.scenarios s
   where s.symbol not in (select e ->> 'symbol' from jsonb_array_elements(v_item -> 'symbols') e);
  insert into risk.scenarios
    (symbol, returns, correlations, first_day, last_day, as_of, good_until)
  select x.symbol,
         array(select r.value::float8 from jsonb_array_elements_text(x.returns)
                      with ordinality as r(value, nr) order by r.nr),
         x.correlations, (v_item ->> 'first_day')::timestamptz,
         (v_item ->> 'last_day')::timestamptz, clock_timestamp(),
         (v_item ->> 'good_until')::timestamptz
    from jsonb_to_recordset(v_item -> 'symbols') as x(
      symbol text, returns jsonb, correlations jsonb)
   order by x.symbol
  on conflict (symbol) do update
     set returns = excluded.returns, correlations = excluded.correlations,
         first_day = excluded.first_day, last_day = excluded.last_day, as_of = excluded.as_of,
         good_until = excluded.good_until;
  -- What is usual comes from the same history: volatility and spread are scaled against it.
  insert into risk.volatilities as v (symbol, sigma, good_until, sigma_usual, spread_usual_bps)
  select s.symbol, u.sigma, '-infinity', u.sigma, b.spread_bps
    from risk.scenarios s
    cross join lateral (
      select round(sqrt(avg(r * r))::numeric, 8) as sigma from unnest(s.returns) r) u
    cross join lateral (
      select round((percentile_cont(0.5) within group (
                      order by (10000 * m.spread / m.close)::float8))::numeric, 6) as spread_bps
        from (select k.spread, k.close from public.market_bars k
               where k.symbol = s.symbol and k.timeframe = 'M15' and k.spread is not null
               order by k.opened_at desc limit 500) m) b
   order by s.symbol
  on conflict (symbol) do update
     set sigma_usual = excluded.sigma_usual, spread_usual_bps = excluded.spread_usual_bps;
  return jsonb_build_array(jsonb_build_object(
    'i', v_item -> 'i', 'symbols', jsonb_array_length(v_item -> 'symbols')));
end $$;
comment on function risk.record_scenarios(jsonb) is
  'Replace the scenarios by which tails are judged, and what volatility and spread are usually. TR327: vectors of different length.';
grant execute on function risk.record_scenarios(jsonb) to housekeeping_agent;
