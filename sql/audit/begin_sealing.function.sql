create or replace function audit.begin_sealing() returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  return pg_try_advisory_lock(hashtextextended('audit.seal', 0));
end $$;
comment on function audit.begin_sealing() is
  'Begin to seal, unless another session is at it; held until audit.end_sealing or the session''s end.';
grant execute on function audit.begin_sealing() to desk_sealer;
