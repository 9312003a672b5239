create or replace function ops.readable_organizations() returns text[]
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
  v_claims jsonb;
begin
  -- Claims count only where someone verified them: in the API and behind PostgREST. Metadata
  -- that people edit themselves (user_metadata) never counts.
  if session_user in ('authenticator', 'desk_api') then
    v_claims := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
    if exists (select from governance.voters v
                where v.voter = v_claims ->> 'sub' and v.state <> 'active') then
      return '{}';
    end if;
    return array_remove(
      array[coalesce(v_claims ->> 'org_id', v_claims #>> '{app_metadata,org_id}')], null);
  end if;
  return (select coalesce(array_agg(v.org_id), '{}')
            from governance.voters v
           where v.voter = session_user and v.state = 'active' and v.org_id is not null);
end $$;
comment on function ops.readable_organizations() is
  'The organisations whose rows this session''s person may read; none for strangers.';
grant execute on function ops.readable_organizations()
  to treasury_operator, auditor, desk_operator;
