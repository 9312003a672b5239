create or replace function ops.record_structures(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.structures as held
    (structure_id, symbol, timeframe, kind, direction, event_at, known_at, lower, upper, votes,
     agree, readers, confirmed, measures, features, conviction, high, outlier_score, outlier,
     model, policy_hash)
  select distinct on (s.structure_id)
         s.structure_id, x.symbol, x.timeframe, s.kind, s.direction, s.event_at, s.known_at,
         s.lower, s.upper, s.votes, s.agree, s.readers, s.confirmed, s.measures, s.features,
         s.conviction, s.high, s.outlier_score, s.outlier, s.model, x.policy_hash
    from jsonb_to_recordset(p_items) as x(
      symbol text, timeframe text, policy_hash text, structures jsonb)
   cross join lateral jsonb_to_recordset(x.structures) as s(
      structure_id uuid, kind text, direction int, event_at timestamptz, known_at timestamptz,
      lower numeric, upper numeric, votes jsonb, agree int, readers int, confirmed text[],
      measures jsonb, features jsonb, conviction numeric, high boolean, outlier_score numeric,
      outlier boolean, model text)
   order by s.structure_id, s.readers desc
  on conflict (structure_id) do update
     set votes = excluded.votes, agree = excluded.agree, readers = excluded.readers,
         conviction = excluded.conviction, high = excluded.high
   -- More readers may speak later; a person's word stays as it is.
   where held.readers < excluded.readers;
  insert into public.market_conviction as held
    (symbol, timeframe, opened_at, up, down, high_up, high_down, outlier_up, outlier_down,
     structures, policy_hash)
  select x.symbol, x.timeframe, c.opened_at, c.up, c.down, c.high_up, c.high_down,
         c.outlier_up, c.outlier_down, c.structures, x.policy_hash
    from jsonb_to_recordset(p_items) as x(
      symbol text, timeframe text, policy_hash text, conviction jsonb)
   cross join lateral jsonb_to_record(x.conviction) as c(
      opened_at timestamptz, up numeric, down numeric, high_up boolean, high_down boolean,
      outlier_up boolean, outlier_down boolean, structures int)
  on conflict (symbol, timeframe, opened_at) do update
     set up = excluded.up, down = excluded.down, high_up = excluded.high_up,
         high_down = excluded.high_down;
  -- What scorers read is recent; the structures themselves stay.
  delete from public.market_conviction k
   using jsonb_to_recordset(p_items) as x(symbol text, timeframe text)
   where k.symbol = x.symbol and k.timeframe = x.timeframe
     and k.recorded_at < clock_timestamp() - interval '7 days';
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'structures', jsonb_array_length(x.structures))), '[]')
            from jsonb_to_recordset(p_items) as x(i int, structures jsonb));
end $$;
comment on function ops.record_structures(jsonb) is
  'Keep what readers voted on the structures of a run of bars, and what holds at its newest bar.';
grant execute on function ops.record_structures(jsonb) to market_data_agent;
