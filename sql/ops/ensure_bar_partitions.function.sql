create or replace function ops.ensure_bar_partitions(p_from date, p_until date) returns int
language plpgsql security definer set search_path = '' as $$
declare
  v_month date := date_trunc('month', p_from)::date;
  v_added int := 0;
begin
  if p_until - p_from > 40 * 366 then
    raise exception 'bars from % to % are not credible', p_from, p_until using errcode = '22023';
  end if;
  while v_month <= p_until loop
    if ops.add_partition('public.market_bars', v_month::timestamp at time zone 'UTC',
                         (v_month + interval '1 month')::timestamp at time zone 'UTC',
                         to_char(v_month, '"p"YYYYMM')) then
      v_added := v_added + 1;
    end if;
    v_month := (v_month + interval '1 month')::date;
  end loop;
  return v_added;
end $$;
comment on function ops.ensure_bar_partitions(date, date) is
  'Make the monthly partitions of market_bars from one day to another. Returns how many were new.';
grant execute on function ops.ensure_bar_partitions(date, date) to desk_operator;
