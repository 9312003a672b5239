create or replace function execution.authority_refusal(
  p_intent public.intents, p_policy_hash text
) returns text
language plpgsql stable as $$
declare
  v_released timestamptz;
begin
  if p_intent.intent_id is null or p_intent.state <> 'authorized' then
    return 'TR401';
  end if;
  select r.released_at into v_released
    from risk.reservations r where r.intent_id = p_intent.intent_id;
  return case
    when not found or v_released is not null then 'TR401'
    when p_intent.expires_at <= clock_timestamp() then 'TR408'
    when p_intent.policy_hash is distinct from p_policy_hash then 'TR307' end;
end $$;
comment on function execution.authority_refusal(public.intents, text) is
  'The code for which an intent itself may not become orders now, or null. Called by other procedures only.';
