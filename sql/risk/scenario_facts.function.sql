create or replace function risk.scenario_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'closes', (
             select jsonb_object_agg(f.timeframe, (
                      select jsonb_object_agg(s.symbol, b.rows)
                        from public.instruments s
                        cross join lateral (
                          select jsonb_agg(jsonb_build_array(
                                   extract(epoch from m.opened_at)::bigint, m.close)) as rows
                            from (select k.opened_at, k.close from public.market_bars k
                                   where k.symbol = s.symbol and k.timeframe = f.timeframe
                                   order by k.opened_at desc limit 501) m) b
                       where s.state = 'tradable' and b.rows is not null))
               from jsonb_array_elements_text(x.timeframes) as f(timeframe)))), '[]')
      from jsonb_to_recordset(p_items) as x(i int, timeframes jsonb));
end $$;
comment on function risk.scenario_facts(jsonb) is
  'The last 501 closes of every tradable symbol, by timeframe.';
grant execute on function risk.scenario_facts(jsonb) to housekeeping_agent;
