-- Orders keep a reservation alive; only what never became an order ends here.
create or replace function risk.expire_intents(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_expired jsonb;
begin
  with due as (
    select n.intent_id from public.intents n
     where n.state = 'authorized' and n.expires_at <= clock_timestamp()
     order by n.intent_id
     limit 500
       for update skip locked
  ), expired as (
    update public.intents n set state = 'expired', decided_at = clock_timestamp()
      from due d where n.intent_id = d.intent_id
    returning n.intent_id, n.correlation_id, n.org_id, n.kind
  )
  select coalesce(jsonb_agg(to_jsonb(e)), '[]') into v_expired from expired e;

  perform risk.release_reservation(x.intent_id, 'expiry'),
          case when x.kind = 'allocate' then ops.record_outcome(
            x.correlation_id, x.org_id, 'expired', 'TR408', 'risk', clock_timestamp()) end
     from jsonb_to_recordset(v_expired) as x(
       intent_id uuid, correlation_id uuid, org_id text, kind text);
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'expired', jsonb_array_length(v_expired))), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function risk.expire_intents(jsonb) is
  'End authorised intents whose time ran out before they became orders, and give their budget back.';
grant execute on function risk.expire_intents(jsonb) to housekeeping_agent;
