create or replace function ops.keep_reply(p_person text, p_key text, p_reply jsonb)
returns void
language sql security definer set search_path = '' as $$
  update ops.idempotency_keys k set status = 200, reply = p_reply
   where k.person = p_person and k.key = p_key and k.reply is null
     -- Nobody answers in another's name.
     and p_person = governance.acting_voter()
$$;
comment on function ops.keep_reply(text, text, jsonb) is
  'Keep the answer of a request beside its idempotency key, in the transaction that did the work.';
grant execute on function ops.keep_reply(text, text, jsonb)
  to treasury_operator, desk_operator, auditor;
