create or replace function execution.hedge_measures(p_policy jsonb) returns jsonb
language plpgsql stable as $$
begin
  if p_policy ->> 'betas' is distinct from 'measured' then
    return null;
  end if;
  return (
    select jsonb_object_agg(h.hedge, h.measures)
      from (select b.value ->> 'hedge_symbol' as hedge,
                   jsonb_object_agg(k.symbol, jsonb_build_object(
                     'correlation', s.correlations ->> k.symbol, 'sigma', v.sigma::text,
                     'hedge_sigma', w.sigma::text)) as measures
              from jsonb_array_elements(p_policy -> 'baskets') b
              cross join lateral jsonb_object_keys(b.value -> 'betas') k(symbol)
              join risk.scenarios s on s.symbol = b.value ->> 'hedge_symbol'
               and s.good_until > now() and s.correlations ? k.symbol
              join risk.volatilities v on v.symbol = k.symbol and v.good_until > now()
              join risk.volatilities w on w.symbol = s.symbol and w.good_until > now()
             group by 1) h);
end $$;
comment on function execution.hedge_measures(jsonb) is
  'Correlation and daily deviations of basket symbols beside their hedge, while the figures are good; null unless the pack wants them. Internal.';
