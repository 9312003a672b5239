create or replace function audit.retire_partition(p_partition regclass, p_table text)
returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_bound text;
  v_rows bigint;
  v_newest bigint;
  v_sealed bigint;
begin
  if not exists (select from pg_catalog.pg_attribute a
                  where a.attrelid = p_partition and a.attname = 'row_xid') then
    return true;
  end if;
  -- Nobody adds a row between being counted and being dropped.
  execute format('lock table %s in access exclusive mode', p_partition);
  execute format('select count(*), max(row_xid) from %s', p_partition) into v_rows, v_newest;
  select (s.value #>> '{until,0}')::bigint into v_sealed
    from (select l.body::jsonb as body from audit.seals l order by l.number desc limit 1) b
   cross join lateral jsonb_array_elements(b.body -> 'spans') s
   where s.value ->> 'table' = p_table;
  -- Sealed up to a transaction means: everything before it.
  if v_rows > 0 and v_newest >= coalesce(v_sealed, 0) then
    return false;
  end if;
  select pg_catalog.pg_get_expr(c.relpartbound, c.oid) into v_bound
    from pg_catalog.pg_class c where c.oid = p_partition;
  insert into audit.retired_partitions
    (partition, table_name, from_at, until_at, row_count, retired_by)
  values (p_partition::text, p_table,
          substring(v_bound from 'FROM \(''([^'']+)''\)')::timestamptz,
          substring(v_bound from 'TO \(''([^'']+)''\)')::timestamptz, v_rows, session_user);
  return true;
end $$;
comment on function audit.retire_partition(regclass, text) is
  'Note that a partition of the record is about to be dropped. False: it holds rows that no seal has yet. Internal.';
