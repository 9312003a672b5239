-- Arguments of the trigger: the columns that may change.
create or replace function audit.refuse_rewrite() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and to_jsonb(old) - tg_argv[0:] = to_jsonb(new) - tg_argv[0:] then
    return new;
  end if;
  raise exception '% keeps what was written: % refused',
    tg_table_schema || '.' || tg_table_name, tg_op using errcode = 'TR514';
end $$;
comment on function audit.refuse_rewrite() is
  'Trigger of tables whose rows only move on: what they said at first stays. TR514: rewritten.';
