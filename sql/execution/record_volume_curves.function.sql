create or replace function execution.record_volume_curves(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into execution.volume_curves as c (symbol, session, bucket_s, volumes, days, learned_at)
  select x.symbol, x.session, x.bucket_s, x.volumes, x.days, clock_timestamp()
    from jsonb_to_recordset(p_items) as x(
      symbol text, session text, bucket_s int, volumes jsonb, days int)
   order by x.symbol, x.session
  on conflict (symbol, session) do update
     set bucket_s = excluded.bucket_s, volumes = excluded.volumes, days = excluded.days,
         learned_at = excluded.learned_at;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.record_volume_curves(jsonb) is
  'Replace learned volume curves, by symbol and session.';
grant execute on function execution.record_volume_curves(jsonb) to order_agent;
