-- What the market made of each scored signal, passed or not: stop, target or time, whichever
-- came first, by the pack's own stop and reward and over sixty bars (the `outcome` of an idea,
-- whatever size it was traded at). A bar that touches both counts as the stop; a gap beyond the
-- stop costs what it costs. Sales pay the spread on the way out, purchases paid it going in.
create or replace function intake.close_outcomes(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = ''
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off
as $$
declare
  c_bars_max constant int := 60;
  -- Everything but what belongs to the moment: alike are signals without it.
  c_lasting constant extensions.vector := '[1,1,1,1,1,1,1,1,1,0,0,0,1,1,1,1]';
  v_now timestamptz := clock_timestamp();
  v_policy_hash text;
  v_stop_atr numeric;
  v_reward numeric;
  v_closed int;
begin
  select p.policy_hash, (p.body #>> '{hypothesis,stop_atr}')::numeric,
         (p.body #>> '{hypothesis,reward_to_risk}')::numeric
    into v_policy_hash, v_stop_atr, v_reward
    from risk.policies p where p.active;
  if v_stop_atr > 0 and v_reward > 0 then
    insert into public.precedents
      (rationale_id, org_id, symbol_class, symbol, side, feature_vector, outcome_r, ended,
       policy_hash, scored_at, closed_at)
    select s.rationale_id, s.org_id, s.symbol_class, s.symbol, s.side,
           s.feature_vector operator(extensions.*) c_lasting,
           round(coalesce(h.outcome_r, l.outcome_r), 6), coalesce(h.ended, 'time'),
           v_policy_hash, s.scored_at, coalesce(h.closed_at, l.closed_at)
      from (
        select r.rationale_id, r.org_id, g.symbol_class, r.symbol, r.side, r.feature_vector,
               r.scored_at, case r.side when 'BUY' then 1 else -1 end as sign,
               (r.features ->> 'reference_price')::numeric as entry,
               (r.features ->> 'atr')::numeric * v_stop_atr as risk,
               r.scored_at + c_bars_max * intake.bar_length(g.timeframe) as ends_at
          from public.strategy_rationales r
          join public.signals_normalized g on g.signal_id = r.signal_id
         where r.scored_at > v_now - interval '30 days'
           and r.scored_at < v_now - interval '1 minute'
           and r.feature_vector is not null
           -- Its vectors were not yet turned to the side.
           and r.weights_version <> 'rationale-1'
           and (r.features ->> 'atr')::numeric > 0
           and not exists (select from public.precedents p
                            where p.rationale_id = r.rationale_id)
         order by r.scored_at
         limit 20000) s
      -- The finest bars that there are.
      cross join lateral (
        select t.timeframe, intake.bar_length(t.timeframe) as length
          from unnest(array['M1', 'M3', 'M5', 'M15', 'M30', 'H1', 'H4', 'D1', 'W1'])
               with ordinality as t(timeframe, nr)
         where exists (select from public.market_bars b
                        where b.symbol = s.symbol and b.timeframe = t.timeframe
                          and b.opened_at >= s.scored_at and b.opened_at < s.ends_at)
         order by t.nr limit 1) f
      left join lateral (
        select b.opened_at + f.length as closed_at,
               case when x.lost then 'stop' else 'target' end as ended,
               case when x.lost then least(-1, s.sign * (b.open - s.entry) / s.risk)
                    else v_reward end as outcome_r
          from public.market_bars b
         cross join lateral (
           select case s.side when 'BUY' then 0 else coalesce(b.spread, 0) end as out) o
         cross join lateral (
           select case s.side when 'BUY' then b.low <= s.entry - s.risk
                              else b.high + o.out >= s.entry + s.risk end as lost,
                  case s.side when 'BUY' then b.high >= s.entry + s.risk * v_reward
                              else b.low + o.out <= s.entry - s.risk * v_reward end as won) x
         where b.symbol = s.symbol and b.timeframe = f.timeframe
           and b.opened_at >= s.scored_at and b.opened_at < s.ends_at
           and b.opened_at + f.length <= v_now and (x.lost or x.won)
         order by b.opened_at limit 1) h on true
      left join lateral (
        select b.opened_at + f.length as closed_at,
               s.sign * (b.close - s.entry) / s.risk as outcome_r
          from public.market_bars b
         where h.closed_at is null and s.ends_at + f.length <= v_now
           and b.symbol = s.symbol and b.timeframe = f.timeframe
           and b.opened_at >= s.scored_at and b.opened_at < s.ends_at
         order by b.opened_at desc limit 1) l on true
     where h.closed_at is not null or l.closed_at is not null
    on conflict (rationale_id) do nothing;
    get diagnostics v_closed = row_count;
  end if;
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'closed', coalesce(v_closed, 0))), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function intake.close_outcomes(jsonb) is
  'Turn scored signals whose stop, target or time was reached into precedents.';
grant execute on function intake.close_outcomes(jsonb) to housekeeping_agent;
