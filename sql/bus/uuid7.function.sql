create or replace function bus.uuid7() returns uuid
language sql volatile parallel safe set search_path = '' as $$
  -- Time first, so that indexes grow at one end; PostgreSQL has uuidv7() only from 18 on.
  select encode(
    set_byte(
      set_byte(
        overlay(
          uuid_send(gen_random_uuid())
          placing substring(
            int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
          from 1 for 6),
        6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112),
      8, (get_byte(uuid_send(gen_random_uuid()), 8) & 63) | 128),
    'hex')::uuid
$$;
comment on function bus.uuid7() is 'A time-ordered UUID (RFC 9562 version 7).';
grant execute on function bus.uuid7() to desk_agents, desk_api, desk_operator;
