create or replace function ops.feed_facts(p_items jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  -- Every account's worth is read; any account of a venue may read its market, so one does.
  select coalesce(jsonb_agg(jsonb_build_object(
           'i', x.i,
           'feeds', (select coalesce(jsonb_agg(jsonb_build_object(
                              'venue_id', f.venue_id, 'account_id', f.account_id,
                              'market', f.nr = 1,
                              -- A reader beside its terminal does it.
                              'elsewhere', exists (
                                select from bus.workers w
                                 where w.agent = 'market_data' and not w.draining
                                   and w.lease_until > clock_timestamp()
                                   and bus.shard_of(f.account_id) = any (w.pinned)))
                              order by f.venue_id, f.nr), '[]')
                       from (select a.venue_id, a.account_id,
                                    row_number() over (partition by a.venue_id
                                                           order by a.account_id) as nr
                               from public.accounts a
                               join public.venues v on v.venue_id = a.venue_id
                              where a.state = 'active' and v.state = 'active'
                                and a.connection <> '{}'
                                -- A shadow has no terminal: it sees what its venue sees.
                                and v.kind <> 'shadow') f),
           'instruments', (select coalesce(jsonb_agg(jsonb_build_object(
                                    'symbol', s.symbol, 'calendar', s.calendar)
                                    order by s.symbol), '[]')
                             from public.instruments s where s.state = 'tradable'),
           'newest', (select coalesce(jsonb_object_agg(
                               s.symbol || '/' || t.timeframe, b.opened_at), '{}')
                        from public.instruments s
                        cross join jsonb_array_elements_text(x.timeframes) t(timeframe)
                        cross join lateral (
                          select m.opened_at from public.market_bars m
                           where m.symbol = s.symbol and m.timeframe = t.timeframe
                           order by m.opened_at desc limit 1) b
                       where s.state = 'tradable')
         )), '[]')
    from jsonb_to_recordset(p_items) as x(i int, timeframes jsonb)
$$;
comment on function ops.feed_facts(jsonb) is
  'Which venues to read, which instruments trade, and the newest bar held of each timeframe.';
grant execute on function ops.feed_facts(jsonb) to market_data_agent;
