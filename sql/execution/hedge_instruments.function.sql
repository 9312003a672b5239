create or replace function execution.hedge_instruments(
  p_venue_id text, p_currency text, p_symbols text[]) returns jsonb
language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_object_agg(n.symbol, jsonb_build_object(
             'notional_per_lot', v.lot_value::text, 'bid', v.bid::text, 'ask', v.ask::text,
             'volume_min', n.volume_min::text, 'volume_max', n.volume_max::text,
             'volume_step', n.volume_step::text, 'tick_size', n.tick_size::text,
             'sigma', d.sigma::text)), '{}')
      from public.instruments n
      left join lateral risk.lot_value(p_venue_id, n.symbol, p_currency) v on true
      left join risk.volatilities d on d.symbol = n.symbol and d.good_until > now()
     where n.symbol = any (p_symbols) and n.state = 'tradable');
end $$;
comment on function execution.hedge_instruments(text, text, text[]) is
  'Quote, steps and deviation of instruments that a cover may trade. Internal.';
