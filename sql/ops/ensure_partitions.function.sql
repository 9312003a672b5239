create or replace function ops.ensure_partitions(p_from date, p_days int) returns int
language plpgsql security definer set search_path = '' as $$
declare
  v_table regclass;
  v_day date;
  v_added int := 0;
begin
  if p_days not between 1 and 400 then
    raise exception '% days of partitions', p_days using errcode = '22023';
  end if;
  -- Two at once would both find a partition missing.
  perform pg_advisory_xact_lock(hashtextextended('ops.ensure_partitions', 0));
  foreach v_table in array array['bus.events', 'public.decision_traces', 'public.order_events',
                                 'public.market_ticks', 'public.market_bars']::regclass[] loop
    -- Without a default partition an insert could fail; with it, it only lands there.
    perform ops.add_partition(v_table, null, null, 'default');
    continue when v_table = 'public.market_bars'::regclass;
    for v_day in select d::date from generate_series(p_from, p_from + p_days - 1, interval '1 day') d
    loop
      if ops.add_partition(v_table, v_day::timestamp at time zone 'UTC',
                           (v_day + 1)::timestamp at time zone 'UTC',
                           to_char(v_day, '"p"YYYYMMDD')) then
        v_added := v_added + 1;
      end if;
    end loop;
  end loop;
  return v_added + ops.ensure_bar_partitions(p_from, p_from + p_days - 1);
end $$;
comment on function ops.ensure_partitions(date, int) is
  'Make the partitions of p_days days (UTC) from p_from on, and the months that they touch. '
  'Returns how many were new.';
grant execute on function ops.ensure_partitions(date, int) to housekeeping_agent, desk_operator;
