create or replace function governance.guard_halt() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op <> 'UPDATE' or old.lifted_at is not null or new.lifted_at is null
     or to_jsonb(new) - '{lifted_at,lifted_by,lift_proposal_id}'::text[]
          is distinct from to_jsonb(old) - '{lifted_at,lifted_by,lift_proposal_id}'::text[] then
    raise exception 'a halt stays on record and is lifted once' using errcode = 'TR514';
  end if;
  return new;
end $$;
comment on function governance.guard_halt() is
  'Trigger of halts: nothing but one lifting changes them. TR514: otherwise.';
