create or replace function ops.broken_deliveries_without_events() returns setof text
language sql stable security definer set search_path = '' as $$
  select d.delivery_id::text
    from (select q.delivery_id, q.event_published_at, q.event_seq
            from bus.deliveries q where q.row_kind is null
           order by q.delivery_id limit 500) d
   where not exists (select from bus.events e
                      where e.published_at = d.event_published_at and e.seq = d.event_seq)
$$;
comment on function ops.broken_deliveries_without_events() is
  'Invariant: what waits to be handled still has the event that it is about. Called by other procedures only.';
