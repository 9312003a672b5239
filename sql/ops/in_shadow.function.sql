-- RFC 9562 leaves version 8 to whoever makes the id; all others of the desk are of version 7. So
-- what runs in the shadow is told apart without a look into any table.
create or replace function ops.in_shadow(p_correlation_id uuid) returns boolean
language sql immutable parallel safe as $$
  select substr(p_correlation_id::text, 15, 1) = '8'
$$;
comment on function ops.in_shadow(uuid) is
  'Tell whether a correlation is that of a strategy''s twin in the shadow. Called by other procedures only.';
