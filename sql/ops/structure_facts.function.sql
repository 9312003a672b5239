-- Runs of bars whose newest one nobody has read yet, the longest unread first; the forest only
-- if the asker holds another.
create or replace function ops.structure_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_policy jsonb;
  v_model text;
begin
  select p.policy_hash, p.body -> 'conviction' into v_policy_hash, v_policy
    from risk.policies p where p.active;
  select m.model into v_model from ops.structure_models m where m.active;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i, 'policy', v_policy, 'policy_hash', v_policy_hash, 'model', v_model,
             'forest', case when v_model is distinct from x.model then (
               select m.body from ops.structure_models m where m.model = v_model) end,
             'runs', (
               select coalesce(jsonb_agg(jsonb_build_object(
                        'symbol', d.symbol, 'timeframe', d.timeframe, 'read_until', d.read_until,
                        'rows', (
                          select jsonb_agg(jsonb_build_array(
                                   (extract(epoch from b.opened_at) * 1000000)::bigint,
                                   b.open, b.high, b.low, b.close, b.volume)
                                   order by b.opened_at)
                            from (select m.opened_at, m.open, m.high, m.low, m.close, m.volume
                                    from public.market_bars m
                                   where m.symbol = d.symbol and m.timeframe = d.timeframe
                                   order by m.opened_at desc limit x.bars_max) b))), '[]')
                 from (select s.symbol, t.timeframe, c.opened_at as read_until
                         from public.instruments s
                         cross join jsonb_array_elements_text(x.timeframes) as t(timeframe)
                         cross join lateral (
                           select m.opened_at from public.market_bars m
                            where m.symbol = s.symbol and m.timeframe = t.timeframe
                            order by m.opened_at desc limit 1) n
                         left join lateral (
                           select k.opened_at from public.market_conviction k
                            where k.symbol = s.symbol and k.timeframe = t.timeframe
                            order by k.opened_at desc limit 1) c on true
                        where s.state = 'tradable'
                          and (c.opened_at is null or c.opened_at < n.opened_at)
                        order by c.opened_at nulls first, s.symbol, t.timeframe
                        limit x.runs_max) d))), '[]')
      from jsonb_to_recordset(p_items) as x(
        i int, timeframes jsonb, bars_max int, runs_max int, model text));
end $$;
comment on function ops.structure_facts(jsonb) is
  'Bars whose structures nobody has voted on yet, what the active pack says about conviction, and the forest in use.';
grant execute on function ops.structure_facts(jsonb) to market_data_agent;
