-- The world may have moved since the intent was authorised: everything that can go stale is
-- looked at again. Both the reading and the opening procedure ask here, so that they agree.
create or replace function execution.open_refusal(p_intent public.intents, p_policy_hash text)
returns text
language plpgsql stable as $$
begin
  return coalesce(execution.authority_refusal(p_intent, p_policy_hash),
                  execution.market_refusal(p_intent, p_policy_hash));
end $$;
comment on function execution.open_refusal(public.intents, text) is
  'The code for which an intent may not become orders now, or null. Called by other procedures only.';
