create or replace function ops.authenticate(p_token_sha256 bytea)
returns table (person text, role_name text, org_id text)
language sql stable security definer set search_path = '' as $$
  select t.person, t.role_name, t.org_id
    from ops.api_tokens t
   where t.token_sha256 = p_token_sha256 and t.revoked_at is null
     and t.expires_at > clock_timestamp()
     -- Who was disabled is, whatever they still hold.
     and not exists (select from governance.voters v
                      where v.voter = t.person and v.state <> 'active')
$$;
comment on function ops.authenticate(bytea) is
  'Whom a desk token stands for: person, role and organisation; no row if it is not good now.';
grant execute on function ops.authenticate(bytea) to desk_api;
