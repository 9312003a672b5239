create or replace function ops.broken_alerts_without_outcome() returns setof text
language sql stable security definer set search_path = '' as $$
  select r.correlation_id::text
    from public.signals_raw r
   where r.received_at between clock_timestamp() - interval '1 day'
                           and clock_timestamp() - interval '10 minutes'
     and not exists (select from public.alert_outcomes o
                      where o.correlation_id = r.correlation_id)
     and not exists (select from bus.deliveries d where d.correlation_id = r.correlation_id)
   limit 100
$$;
comment on function ops.broken_alerts_without_outcome() is
  'Invariant: an alert of the last day ends or rests within ten minutes, unless something still waits for it. Called by other procedures only.';
