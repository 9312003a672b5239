create or replace function audit.register_form(p_table text, p_columns text[]) returns int
language plpgsql security definer set search_path = '' as $$
declare
  v_newest audit.forms;
begin
  perform pg_advisory_xact_lock(hashtextextended('audit.register_form', 0));
  select f.* into v_newest
    from audit.forms f where f.table_name = p_table order by f.form_version desc limit 1;
  if v_newest.columns = p_columns then
    return v_newest.form_version;
  end if;
  insert into audit.forms (table_name, form_version, columns)
  values (p_table, coalesce(v_newest.form_version, 0) + 1, p_columns);
  return coalesce(v_newest.form_version, 0) + 1;
end $$;
comment on function audit.register_form(text, text[]) is
  'Return the version of a list of columns, a new one if it differs from the newest.';
grant execute on function audit.register_form(text, text[]) to desk_sealer;
