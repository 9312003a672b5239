create or replace function risk.release_reservation(p_intent_id uuid, p_by text) returns void
language sql security definer set search_path = '' as $$
  update risk.reservations r
     set remaining_quantity = 0, remaining_notional = 0, released_at = clock_timestamp(),
         released_by = p_by
   where r.intent_id = p_intent_id and r.released_at is null
$$;
comment on function risk.release_reservation(uuid, text) is
  'Give back what an intent holds; a second call changes nothing. Called by other procedures only.';
