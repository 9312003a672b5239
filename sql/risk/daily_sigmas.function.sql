create or replace function risk.daily_sigmas(p_symbols text[]) returns jsonb
language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_object_agg(v.symbol, v.sigma::text), '{}')
      from risk.volatilities v
     where v.symbol = any (p_symbols) and v.good_until > now());
end $$;
comment on function risk.daily_sigmas(text[]) is
  'Standard deviation of one day''s log return by symbol; symbols without one that is good are left out. Internal.';
