create or replace function governance.guard_halt() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- Asked for again in harder words: its orders are cancelled from now on, never the reverse.
  if tg_op = 'UPDATE' and old.lifted_at is null and new.cancel_working_orders
     and not old.cancel_working_orders
     and to_jsonb(new) - '{cancel_working_orders,detail}'::text[]
           = to_jsonb(old) - '{cancel_working_orders,detail}'::text[]
     and new.detail @> old.detail then
    return new;
  elsif tg_op <> 'UPDATE' or old.lifted_at is not null or new.lifted_at is null
     or to_jsonb(new) - '{lifted_at,lifted_by,lift_proposal_id}'::text[]
          is distinct from to_jsonb(old) - '{lifted_at,lifted_by,lift_proposal_id}'::text[] then
    raise exception 'a halt stays on record and is lifted once' using errcode = 'TR514';
  end if;
  return new;
end $$;
comment on function governance.guard_halt() is
  'Trigger of halts: nothing but one lifting changes them, and that their orders are cancelled too. TR514: otherwise.';
