create or replace function governance.acting_voter() returns text
language plpgsql stable security definer set search_path = '' as $$
begin
  -- Claims count only where someone verified them: in the API and behind PostgREST.
  if session_user in ('authenticator', 'desk_api') then
    return nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub';
  end if;
  return session_user;
end $$;
comment on function governance.acting_voter() is
  'Who acts: the login of this session, or the person whose verified claims the API set.';
grant execute on function governance.acting_voter()
  to treasury_operator, auditor, desk_operator, desk_reader;
