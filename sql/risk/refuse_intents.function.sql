-- Whoever says no after the authorisation gives back what it holds in the same breath: a denied
-- intent must not narrow the budget of the next one until its time runs out.
create or replace function risk.refuse_intents(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_by text := regexp_replace(session_user::text, '_agent$', '');
begin
  with refused as (
    update public.intents n
       set state = case x.code when 'TR408' then 'expired' else 'denied' end,
           denial_code = x.code, decided_at = clock_timestamp()
      from jsonb_to_recordset(p_items) as x(intent_id uuid, code text)
     where n.intent_id = x.intent_id and n.state = 'authorized'
    returning n.intent_id
  )
  update risk.reservations r
     set remaining_quantity = 0, remaining_notional = 0, released_at = clock_timestamp(),
         released_by = v_by
    from refused f
   where r.intent_id = f.intent_id and r.released_at is null;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'state', n.state)), '[]')
            from jsonb_to_recordset(p_items) as x(i int, intent_id uuid)
            left join public.intents n on n.intent_id = x.intent_id);
end $$;
comment on function risk.refuse_intents(jsonb) is
  'Deny authorised intents before they became orders, with the code, and release what they reserved; others stay as they are.';
grant execute on function risk.refuse_intents(jsonb) to policy_guard_agent, order_agent;
