create or replace function ops.broken_orders_past_their_time() returns setof text
language sql stable security definer set search_path = '' as $$
  select o.order_id::text
    from public.orders o
   where o.status in ('initialized', 'submitted', 'accepted', 'partially_filled', 'unknown',
                      'pending_cancel')
     and o.expires_at < clock_timestamp() - interval '10 minutes'
   limit 100
$$;
comment on function ops.broken_orders_past_their_time() is
  'Invariant: an order does not work on ten minutes after its time is over. Called by other procedures only.';
