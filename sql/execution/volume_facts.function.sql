create or replace function execution.volume_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i,
             'bars', (
               select coalesce(jsonb_object_agg(b.symbol, b.bars), '{}') from (
                 select k.symbol, jsonb_agg(jsonb_build_array(k.opened_at, k.volume::text)
                                            order by k.opened_at) as bars
                   from public.market_bars k
                   join public.instruments n on n.symbol = k.symbol and n.state = 'tradable'
                  where k.timeframe = x.timeframe
                    and k.opened_at > clock_timestamp() - x.days * interval '1 day'
                  group by k.symbol) b))), '[]')
      from jsonb_to_recordset(p_items) as x(i int, timeframe text, days int));
end $$;
comment on function execution.volume_facts(jsonb) is
  'Recent volumes of each tradable symbol, bar by bar, to learn curves from.';
grant execute on function execution.volume_facts(jsonb) to order_agent;
