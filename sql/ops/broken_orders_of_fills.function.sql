create or replace function ops.broken_orders_of_fills() returns setof text
language sql stable security definer set search_path = '' as $$
  select o.order_id::text
    from public.orders o
    left join lateral (select sum(b.quantity) as quantity
                         from public.fills b where b.order_id = o.order_id) f on true
   where o.created_at > clock_timestamp() - interval '1 day'
     and o.filled_quantity + o.overfilled_quantity <> coalesce(f.quantity, 0)
   limit 100
$$;
comment on function ops.broken_orders_of_fills() is
  'Invariant: an order of the last day is filled by exactly what its fills sum to. Called by other procedures only.';
