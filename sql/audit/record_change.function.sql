-- Arguments of the trigger: the key's column, then columns that are secrets or mere pulse. They
-- are neither recorded nor looked at: a row of which only they change has not changed.
create or replace function audit.record_change() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_hidden text[] := tg_argv[1:];
  v_before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - v_hidden end;
  v_after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - v_hidden end;
begin
  if v_before is distinct from v_after then
    insert into audit.changes
      (change_id, table_name, row_key, operation, org_id, before, after, changed_by, person)
    values (bus.uuid7(), tg_table_schema || '.' || tg_table_name,
            coalesce(v_after, v_before) ->> tg_argv[0], lower(tg_op),
            coalesce(v_after, v_before) ->> 'org_id', v_before, v_after, session_user,
            -- Claims count only where someone verified them.
            case when session_user in ('authenticator', 'desk_api') then
              nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub' end);
  end if;
  return null;
end $$;
comment on function audit.record_change() is
  'Trigger: put what a row was and became into audit.changes, with the login that did it.';
