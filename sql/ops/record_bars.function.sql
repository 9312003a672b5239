create or replace function ops.record_bars(p_items jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  select coalesce(jsonb_agg(
           jsonb_build_object('i', x.i)
           || ops.ingest_bars(x.symbol, x.timeframe, x.source, x.rows) order by x.i), '[]')
    from jsonb_to_recordset(p_items) as x(
      i int, symbol text, timeframe text, source text, rows jsonb)
$$;
comment on function ops.record_bars(jsonb) is 'ops.ingest_bars for a batch of runs of bars.';
grant execute on function ops.record_bars(jsonb) to market_data_agent;
