create or replace function execution.never_left(p_state text, p_report jsonb) returns boolean
language sql immutable parallel safe as $$
  -- For want of a connection (TR415), or because we were slow (TR433).
  select (p_state = 'not_sent' and p_report ->> 'status' = 'again'
          and p_report ->> 'code' in ('TR415', 'TR433')) is true
$$;
comment on function execution.never_left(text, jsonb) is
  'Whether an attempt ended without anything having gone to its venue, which tells nothing of the venue''s answers. Called by other procedures only.';
