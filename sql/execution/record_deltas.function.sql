create or replace function execution.record_deltas(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  -- A late fill changes what an order did: the newest comparison stands, one row per order.
  insert into public.decision_deltas as held
    (order_id, correlation_id, org_id, predicted, realized, delta, closed_at, recorded_at)
  select distinct on (x.order_id) x.order_id, x.correlation_id, x.org_id, x.predicted,
         x.realized, x.delta, x.closed_at, clock_timestamp()
    from jsonb_to_recordset(p_items) as x(
      i int, order_id uuid, correlation_id uuid, org_id text, predicted jsonb, realized jsonb,
      delta numeric, closed_at timestamptz)
   order by x.order_id, x.i desc
  on conflict (order_id) do update
     set realized = excluded.realized, delta = excluded.delta,
         closed_at = excluded.closed_at, recorded_at = excluded.recorded_at
   where held.realized is distinct from excluded.realized;
  return '[]';
end $$;
comment on function execution.record_deltas(jsonb) is
  'Keep one comparison of predicted and realised per closed order.';
grant execute on function execution.record_deltas(jsonb) to feedback_agent;
