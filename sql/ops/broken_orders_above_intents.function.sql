create or replace function ops.broken_orders_above_intents() returns setof text
language sql stable security definer set search_path = '' as $$
  select n.intent_id::text
    from public.intents n
    join public.orders o on o.intent_id = n.intent_id
   where n.created_at > clock_timestamp() - interval '1 day'
   group by n.intent_id, n.authorized_quantity
  having sum(o.quantity) > coalesce(n.authorized_quantity, 0) + coalesce((
           select sum(greatest(c.added_quantity, 0))
             from execution.order_changes c
             join public.orders b on b.order_id = c.order_id
            where b.intent_id = n.intent_id and c.state = 'applied'), 0)
   limit 100
$$;
comment on function ops.broken_orders_above_intents() is
  'Invariant: the orders of an intent sum to no more than was authorised, fresh authority of changes included. Called by other procedures only.';
