-- Both policies saw the same hypothesis: stop and target are the same bet. What the market met
-- first, from the bar after the decision on, is what taking it was worth; who left it is spared a
-- loss or a gain. A bar that holds both is counted as the stop.
create or replace function execution.resolve_differences(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_horizon interval := coalesce((
    select (p.body #>> '{routing,promotion,horizon_s}')::int from risk.policies p where p.active),
    86400) * interval '1 second';
  v_now timestamptz := clock_timestamp();
  v_resolved int;
begin
  with due as materialized (
    select d.opportunity_id, d.shadow, d.kind, d.symbol, d.reference_price, d.stop_loss,
           d.take_profit, d.decided_at, d.decided_at + v_horizon as ends_at,
           case d.side when 'BUY' then 1 else -1 end as sign,
           abs(d.reference_price - d.stop_loss) as risk
      from public.routing_differences d
     where d.outcome = 'open'
     order by d.decided_at
     limit 1000
       for update skip locked
  ), told as (
    select d.*, f.met, l.close
      from due d
      left join lateral (
        select case when d.sign * (case d.sign when 1 then b.low else b.high end - d.stop_loss) <= 0
                    then 'stop' else 'target' end as met
          from public.market_bars b
         where b.symbol = d.symbol and b.timeframe = 'M5' and b.opened_at >= d.decided_at
           and b.opened_at < least(d.ends_at, v_now)
           and (b.low <= least(d.stop_loss, d.take_profit)
                or b.high >= greatest(d.stop_loss, d.take_profit))
         order by b.opened_at limit 1) f on true
      left join lateral (
        select b.close from public.market_bars b
         where f.met is null and d.ends_at <= v_now and b.symbol = d.symbol
           and b.timeframe = 'M5' and b.opened_at >= d.decided_at and b.opened_at < d.ends_at
         order by b.opened_at desc limit 1) l on true
  )
  update public.routing_differences d
     set outcome = coalesce(t.met, case when t.close is null or t.risk = 0 then 'unknown'
                                        else 'horizon' end),
         gain_r = case when t.risk > 0 then round(
           case t.kind when 'takes' then 1 else -1 end * case t.met
             when 'stop' then -1
             when 'target' then abs(t.take_profit - t.reference_price) / t.risk
             else t.sign * (t.close - t.reference_price) / t.risk end, 6) end,
         resolved_at = v_now
    from told t
   where d.opportunity_id = t.opportunity_id and d.shadow = t.shadow
     and (t.met is not null or t.ends_at <= v_now);
  get diagnostics v_resolved = row_count;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'resolved', v_resolved)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.resolve_differences(jsonb) is
  'Tell of differences between routing policies what the market made of them since.';
grant execute on function execution.resolve_differences(jsonb) to strategy_router_agent;
