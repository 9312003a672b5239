create or replace function bus.shard_of(p_ordering_key text) returns smallint
language sql stable parallel safe as $$
  -- No setting pinned and as volatile as convert_to, so that it is inlined where it is called;
  -- every name is qualified instead.
  select (pg_catalog.get_byte(pg_catalog.sha256(
            pg_catalog.convert_to(p_ordering_key, 'UTF8')), 0) % 64)::smallint
$$;
comment on function bus.shard_of(text) is
  'The virtual shard (0-63) of an ordering key; one worker at a time owns a shard.';
grant execute on function bus.shard_of(text) to desk_agents, desk_operator;
