create or replace function ops.refuse_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception '% is append-only: % refused', tg_table_schema || '.' || tg_table_name, tg_op
    using errcode = 'TR514';
end $$;
comment on function ops.refuse_change() is
  'Trigger of append-only tables: what was recorded stays. TR514: always.';
