create or replace function risk.count_outcomes() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  with told as (
    select s.strategy_id, f.outcome_r, f.closed_at,
           row_number() over (partition by s.strategy_id
                              order by f.closed_at, f.rationale_id) as nr
      from fresh f
      join public.strategy_rationales r on r.rationale_id = f.rationale_id
      join public.signals_normalized n on n.signal_id = r.signal_id
      -- A twin is sized by the same signals.
      join public.strategies s on n.strategy_id in (s.strategy_id, s.shadow_of)
  ), unlost as (
    select t.strategy_id, max(t.nr) as nr from told t where t.outcome_r >= 0 group by t.strategy_id
  )
  insert into risk.strategy_records as held
    (strategy_id, trades, wins, losses_in_row, last_closed_at)
  select t.strategy_id, count(*), count(*) filter (where t.outcome_r > 0),
         count(*) filter (where t.nr > coalesce(u.nr, 0)), max(t.closed_at)
    from told t
    left join unlost u on u.strategy_id = t.strategy_id
   group by t.strategy_id
   order by t.strategy_id
  on conflict (strategy_id) do update
     set trades = held.trades + excluded.trades, wins = held.wins + excluded.wins,
         -- Where all of them lost, what was lost before them goes on.
         losses_in_row = excluded.losses_in_row
           + case when excluded.losses_in_row = excluded.trades then held.losses_in_row else 0 end,
         last_closed_at = greatest(held.last_closed_at, excluded.last_closed_at);
  return null;
end $$;
comment on function risk.count_outcomes() is
  'Trigger: fresh outcomes enter the records of their strategies.';
