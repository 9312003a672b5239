-- Held by the session, until it ends: a run takes as long as its models do.
create or replace function ops.begin_structures() returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  return pg_try_advisory_lock(hashtextextended('desk.jobs.structures', 0));
end $$;
comment on function ops.begin_structures() is
  'Begin to read structures, unless another session is at it.';
grant execute on function ops.begin_structures() to market_data_agent;
