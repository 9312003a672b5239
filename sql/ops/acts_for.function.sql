-- The desk's own logins act for everyone; a person acts for the organisation that they are
-- registered with, or that their verified claims name.
create or replace function ops.acts_for(p_org_id text) returns boolean
language plpgsql stable as $$
begin
  if ops.reads_everything() then
    return true;
  elsif session_user not in ('authenticator', 'desk_api') and (
          session_user in ('desk_reader', 'desk_sealer')
          or pg_has_role(session_user, 'desk_agents', 'member')) then
    return true;
  end if;
  return coalesce(p_org_id = any (ops.readable_organizations()), false);
end $$;
comment on function ops.acts_for(text) is
  'Whether this session may act for, and be told of, an organisation. Called by other procedures only.';
