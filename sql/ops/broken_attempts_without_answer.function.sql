create or replace function ops.broken_attempts_without_answer() returns setof text
language sql stable security definer set search_path = '' as $$
  select a.attempt_id::text
    from execution.attempts a
   where a.state in ('open', 'unknown')
     and a.opened_at < clock_timestamp() - interval '10 minutes'
   limit 100
$$;
comment on function ops.broken_attempts_without_answer() is
  'Invariant: what happened to a call to the venue is known within ten minutes. Called by other procedures only.';
