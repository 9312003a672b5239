create or replace function risk.keep_volatility() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- Measured when bars come, which is seldom, and not when intents do.
  insert into risk.volatilities (symbol, sigma, good_until)
  select m.symbol, m.sigma, m.good_until
    from risk.measure_volatility(array(select distinct f.symbol from fresh f)) m
   order by m.symbol
  on conflict (symbol) do update
     set sigma = excluded.sigma, good_until = excluded.good_until;
  return null;
end $$;
comment on function risk.keep_volatility() is
  'Trigger: fresh bars renew their symbols'' volatility.';
