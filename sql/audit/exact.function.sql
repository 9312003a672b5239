create or replace function audit.exact(p_row jsonb, p_table regclass) returns jsonb
language sql stable parallel safe security invoker set search_path = '' as $$
  -- JSON's numbers are doubles to most readers: what is numeric or bigint goes as its digits.
  select p_row - 'row_xid' || coalesce(
    (select jsonb_object_agg(a.attname, p_row ->> a.attname)
       from pg_catalog.pg_attribute a
      where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped
        and a.atttypid in ('numeric'::regtype, 'bigint'::regtype)
        and a.attname <> 'row_xid' and p_row ? a.attname), '{}')
$$;
comment on function audit.exact(jsonb, regclass) is
  'A row as JSON whose money, prices, quantities and 64-bit integers are strings, exact.';
grant execute on function audit.exact(jsonb, regclass)
  to auditor, treasury_operator, desk_operator, desk_reader;
