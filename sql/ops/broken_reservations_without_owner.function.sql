create or replace function ops.broken_reservations_without_owner() returns setof text
language sql stable security definer set search_path = '' as $$
  select r.intent_id::text
    from risk.reservations r
    left join public.intents n on n.intent_id = r.intent_id
   where r.released_at is null and r.created_at < clock_timestamp() - interval '5 minutes'
     and n.state is distinct from 'authorized'
     and not exists (select from public.orders o
                      where o.intent_id = r.intent_id
                        and o.status in ('initialized', 'submitted', 'accepted',
                                         'triggered', 'partially_filled', 'unknown',
                                         'pending_update', 'pending_cancel'))
   limit 100
$$;
comment on function ops.broken_reservations_without_owner() is
  'Invariant: budget is held only by an open authorisation or for an order that may still fill. Called by other procedures only.';
