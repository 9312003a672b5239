create or replace function ops.add_partition(
  p_table regclass, p_from timestamptz, p_until timestamptz, p_suffix text)
returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_schema text;
  v_table text;
  v_column text;
  v_part text;
  v_waiting boolean;
begin
  select n.nspname, c.relname, a.attname
    into strict v_schema, v_table, v_column
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_partitioned_table p on p.partrelid = c.oid
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
   where c.oid = p_table;
  v_part := v_table || '_' || p_suffix;
  if to_regclass(format('%I.%I', v_schema, v_part)) is not null then
    return false;
  end if;

  if p_from is null then
    execute format('create table %I.%I partition of %s default', v_schema, v_part, p_table);
    return true;
  end if;

  -- Rows that came before their partition wait in the default one, which must let them go first.
  execute format('select exists (select from %I.%I where %I >= $1 and %I < $2)',
                 v_schema, v_table || '_default', v_column, v_column)
     into v_waiting using p_from, p_until;
  if v_waiting then
    execute format('alter table %s detach partition %I.%I', p_table, v_schema,
                   v_table || '_default');
    -- Detached, its triggers are gone: a row that moves house is not changed.
    execute format('create table %I.%I partition of %s for values from (%L) to (%L)',
                   v_schema, v_part, p_table, p_from, p_until);
    perform ops.move_rows(p_table, format('%I.%I', v_schema, v_table || '_default')::regclass,
                          format('%I.%I', v_schema, v_part)::regclass, v_column, p_from, p_until);
    execute format('alter table %s attach partition %I.%I default', p_table, v_schema,
                   v_table || '_default');
  else
    execute format('create table %I.%I partition of %s for values from (%L) to (%L)',
                   v_schema, v_part, p_table, p_from, p_until);
  end if;
  return true;
end $$;
comment on function ops.add_partition(regclass, timestamptz, timestamptz, text) is
  'Add one partition (the default one if p_from is null) and move into it what waited. '
  'False: it was there. Internal.';
