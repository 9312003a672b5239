create or replace function ops.broken_orders_past_their_time() returns setof text
language sql stable security definer set search_path = '' as $$
  select o.order_id::text
    from public.orders o
   where o.status in ('initialized', 'submitted', 'accepted', 'triggered', 'partially_filled',
                      'unknown', 'pending_update', 'pending_cancel')
     -- What the venue works may work as long as it was told; the rest ends unsent.
     and case when o.status in ('initialized', 'submitted', 'unknown')
                or o.time_in_force not in ('GTC', 'GTD', 'DAY') then o.expires_at
              when o.time_in_force = 'GTD' then o.good_till end
         < clock_timestamp() - interval '10 minutes'
   limit 100
$$;
comment on function ops.broken_orders_past_their_time() is
  'Invariant: an order does not work on ten minutes after its time is over. Called by other procedures only.';
