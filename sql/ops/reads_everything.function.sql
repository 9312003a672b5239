create or replace function ops.reads_everything() returns boolean
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
  -- Behind the API everyone belongs to one organisation; so does whoever is registered with one.
  return session_user not in ('authenticator', 'desk_api')
     and (session_user = 'desk_operator'
          or exists (select from governance.voters v
                      where v.voter = session_user and v.state = 'active' and v.org_id is null
                        and v.role_name in ('auditor', 'desk_operator'))
          or pg_has_role(session_user, 'desk_owner', 'member'));
end $$;
comment on function ops.reads_everything() is
  'Whether this session''s person reads the rows of every organisation: registered without one, and active.';
grant execute on function ops.reads_everything() to auditor, desk_operator;
