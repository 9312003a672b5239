create or replace function audit.end_sealing() returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  return pg_advisory_unlock(hashtextextended('audit.seal', 0));
end $$;
comment on function audit.end_sealing() is 'Let another session seal.';
grant execute on function audit.end_sealing() to desk_sealer;
