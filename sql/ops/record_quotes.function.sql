create or replace function ops.record_quotes(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  -- A quote is worth less than the wait for the disk: the next one is already on its way.
  perform set_config('synchronous_commit', 'off', true);
  insert into public.latest_quotes as held
    (venue_id, symbol, bid, ask, quoted_at, received_at, volume_delta, depth_imbalance,
     bid_depth, ask_depth)
  select distinct on (q.venue_id, q.symbol)
         q.venue_id, q.symbol, q.bid, q.ask, q.quoted_at, q.received_at, q.volume_delta,
         q.depth_imbalance, q.bid_depth, q.ask_depth
    from jsonb_to_recordset(p_items) as q(
      venue_id text, symbol text, bid numeric, ask numeric,
      quoted_at timestamptz, received_at timestamptz, volume_delta numeric,
      depth_imbalance numeric, bid_depth numeric, ask_depth numeric)
   order by q.venue_id, q.symbol, q.received_at desc
  on conflict (venue_id, symbol) do update
     set bid = excluded.bid, ask = excluded.ask, quoted_at = excluded.quoted_at,
         received_at = excluded.received_at, volume_delta = excluded.volume_delta,
         depth_imbalance = excluded.depth_imbalance, bid_depth = excluded.bid_depth,
         ask_depth = excluded.ask_depth
   where held.received_at < excluded.received_at;
  -- Shadows see the very same market, at the same instant.
  if exists (select from public.venues v where v.mirrors is not null) then
    insert into public.latest_quotes as held
      (venue_id, symbol, bid, ask, quoted_at, received_at, volume_delta, depth_imbalance,
       bid_depth, ask_depth)
    select v.venue_id, u.symbol, u.bid, u.ask, u.quoted_at, u.received_at, u.volume_delta,
           u.depth_imbalance, u.bid_depth, u.ask_depth
      from public.venues v
      join (select distinct q.venue_id, q.symbol
              from jsonb_to_recordset(p_items) as q(venue_id text, symbol text)) k
        on k.venue_id = v.mirrors
      join public.latest_quotes u on u.venue_id = k.venue_id and u.symbol = k.symbol
     order by v.venue_id, u.symbol
    on conflict (venue_id, symbol) do update
       set bid = excluded.bid, ask = excluded.ask, quoted_at = excluded.quoted_at,
           received_at = excluded.received_at, volume_delta = excluded.volume_delta,
           depth_imbalance = excluded.depth_imbalance, bid_depth = excluded.bid_depth,
           ask_depth = excluded.ask_depth
     where held.received_at < excluded.received_at;
  end if;
  insert into public.market_ticks (venue_id, symbol, quoted_at, bid, ask, received_at)
  select q.venue_id, q.symbol, q.quoted_at, q.bid, q.ask, q.received_at
    from jsonb_to_recordset(p_items) as q(
      venue_id text, symbol text, bid numeric, ask numeric,
      quoted_at timestamptz, received_at timestamptz)
  on conflict do nothing;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', q.i)), '[]')
            from jsonb_to_recordset(p_items) as q(i int));
end $$;
comment on function ops.record_quotes(jsonb) is
  'Keep the newest quote per venue and symbol, and every distinct one as a tick.';
grant execute on function ops.record_quotes(jsonb) to market_data_agent;
