create or replace function ops.move_rows(
  p_table regclass, p_source regclass, p_target regclass, p_column text,
  p_from timestamptz, p_until timestamptz)
returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_columns text;
begin
  select string_agg(format('%I', a.attname), ', ' order by a.attnum) into v_columns
    from pg_catalog.pg_attribute a
   where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped;
  execute format('insert into %s (%s) overriding system value'
                 ' select %s from %s where %I >= $1 and %I < $2',
                 p_target, v_columns, v_columns, p_source, p_column, p_column)
    using p_from, p_until;
  execute format('delete from %s where %I >= $1 and %I < $2', p_source, p_column, p_column)
    using p_from, p_until;
end $$;
comment on function ops.move_rows(regclass, regclass, regclass, text, timestamptz, timestamptz) is
  'Move the rows of a span from one partition''s table to another, as they are. Internal.';
