create or replace function execution.routing_hash(p_routing jsonb) returns text
language sql immutable as $$
  select encode(sha256(convert_to(p_routing::text, 'UTF8')), 'hex')
$$;
comment on function execution.routing_hash(jsonb) is
  'Tell sets of routing policies apart by their numbers. Internal.';
