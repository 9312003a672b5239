create or replace function ops.broken_outcomes_without_fills() returns setof text
language sql stable security definer set search_path = '' as $$
  select a.correlation_id::text
    from public.alert_outcomes a
   where a.decided_at > clock_timestamp() - interval '1 day'
     and a.outcome in ('filled', 'partially_filled')
     and not exists (select from public.fills f where f.correlation_id = a.correlation_id)
   limit 100
$$;
comment on function ops.broken_outcomes_without_fills() is
  'Invariant: an alert counts as filled only where a fill is on record. Called by other procedures only.';
