create or replace function ops.ingest_bars(
  p_symbol text, p_timeframe text, p_source text, p_rows jsonb)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_answer jsonb;
begin
  perform ops.ensure_bar_partitions(
            min(r.opened_at at time zone 'UTC')::date, max(r.opened_at at time zone 'UTC')::date)
     from jsonb_to_recordset(p_rows) as r(opened_at timestamptz)
   having count(r.opened_at) > 0;

  with judged as materialized (
    select r.*,
           case when r.opened_at is null then 'TIME_UNREADABLE'
                when num_nulls(r.open, r.high, r.low, r.close) > 0
                     or least(r.open, r.high, r.low, r.close) <= 0 then 'PRICE_NOT_POSITIVE'
                when r.high < r.low then 'HIGH_BELOW_LOW'
                when r.open not between r.low and r.high then 'OPEN_OUTSIDE_RANGE'
                when r.close not between r.low and r.high then 'CLOSE_OUTSIDE_RANGE'
                when r.volume < 0 then 'VOLUME_NEGATIVE'
                when r.spread < 0 then 'SPREAD_NEGATIVE' end as code
      from jsonb_to_recordset(p_rows) as r(
        opened_at timestamptz, open numeric, high numeric, low numeric, close numeric,
        volume numeric, spread numeric)
  ), inserted as (
    insert into public.market_bars
      (symbol, timeframe, opened_at, open, high, low, close, volume, spread, source)
    select p_symbol, p_timeframe, j.opened_at, j.open, j.high, j.low, j.close,
           coalesce(j.volume, 0), j.spread, p_source
      from judged j where j.code is null
    on conflict (symbol, timeframe, opened_at) do nothing
    returning opened_at
  ), counted as (
    select count(*) as inserted from inserted
  )
  select jsonb_build_object(
           'inserted', c.inserted,
           'existing', count(j.*) filter (where j.code is null) - c.inserted,
           'refused', coalesce(
             jsonb_agg(jsonb_build_object('opened_at', j.opened_at, 'code', j.code)
                       order by j.opened_at) filter (where j.code is not null), '[]'))
    into v_answer
    from counted c left join judged j on true
   group by c.inserted;
  return v_answer;
end $$;
comment on function ops.ingest_bars(text, text, text, jsonb) is
  'Add bars that are sound and new; those already there stay as they are, bad ones are named.';
grant execute on function ops.ingest_bars(text, text, text, jsonb) to desk_operator;
