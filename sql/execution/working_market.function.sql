create or replace function execution.working_market(
  p_venue_id text, p_symbol text, p_since timestamptz
) returns jsonb
language plpgsql stable as $$
declare
  v_hour timestamptz := clock_timestamp() - interval '1 hour';
begin
  return (
    select jsonb_build_object(
             'bid', q.bid::text, 'ask', q.ask::text, 'received_at', q.received_at,
             'bid_depth', q.bid_depth::text, 'ask_depth', q.ask_depth::text,
             'spread_usual_bps', (select v.spread_usual_bps::text from risk.volatilities v
                                   where v.symbol = n.symbol),
             'tick_size', n.tick_size::text, 'calendar', n.calendar,
             'volume_min', n.volume_min::text, 'volume_max', n.volume_max::text,
             'volume_step', n.volume_step::text,
             -- Of the finest bars that are kept up to date; without any the volume is unknown.
             'traded', b.traded::text, 'traded_hour', b.traded_hour::text,
             'curves', (select coalesce(jsonb_agg(jsonb_build_object(
                                 'session', c.session, 'bucket_s', c.bucket_s,
                                 'volumes', c.volumes, 'days', c.days)), '[]')
                          from execution.volume_curves c where c.symbol = n.symbol))
      from public.instruments n
      left join public.latest_quotes q on q.venue_id = p_venue_id and q.symbol = n.symbol
      left join lateral (
        select coalesce(sum(k.volume) filter (where k.opened_at >= p_since), 0) as traded,
               sum(k.volume) as traded_hour
          from public.market_bars k
         where k.symbol = n.symbol and k.timeframe = 'M1'
           and k.opened_at >= least(p_since, v_hour)
        having max(k.opened_at) > clock_timestamp() - interval '5 minutes') b on true
     where n.symbol = p_symbol);
end $$;
comment on function execution.working_market(text, text, timestamptz) is
  'The quote with its depth, the usual spread and the traded volume by which algorithms work. Called by other procedures only.';
