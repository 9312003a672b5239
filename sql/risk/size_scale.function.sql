create or replace function risk.size_scale(p_read record, p_conditions jsonb) returns numeric
language plpgsql immutable as $$
declare
  v_usual_sigma numeric := (p_conditions #>> array['usual', p_read.symbol, '0'])::numeric;
  v_usual_spread numeric := (p_conditions #>> array['usual', p_read.symbol, '1'])::numeric;
begin
  if p_read.sigma is null or num_nulls(v_usual_sigma, v_usual_spread) > 0 then
    return null;
  end if;
  return greatest(
    (p_conditions #>> '{scaling,floor}')::numeric,
    least(1, (p_conditions #>> '{scaling,volatility_from}')::numeric * v_usual_sigma
             / nullif(p_read.sigma, 0))
    * least(1, (p_conditions #>> '{scaling,spread_from}')::numeric * v_usual_spread
               / nullif(10000 * p_read.spread / p_read.mid, 0)));
end $$;
comment on function risk.size_scale(record, jsonb) is
  'How much sizes shrink, 0 to 1, as the market moves more than it usually does or costs more to cross; null if unknown. Internal.';
