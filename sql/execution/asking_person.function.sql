create or replace function execution.asking_person() returns text
language plpgsql stable as $$
declare
  v_person text := session_user::text;
begin
  -- The session says who asks; claims count only where the API or PostgREST set them.
  if session_user in ('desk_api', 'authenticator') then
    v_person := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub';
  end if;
  if v_person is null then
    raise exception 'nobody is named as asking' using errcode = 'TR509';
  end if;
  return v_person;
end $$;
comment on function execution.asking_person() is
  'Who asks in this session. TR509: nobody is named. Called by other procedures only.';
