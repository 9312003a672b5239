create or replace function ops.rotate_partitions(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_added int;
begin
  perform set_config('lock_timeout', '2s', true);
  -- From yesterday on: a message may be a moment older than midnight.
  v_added := ops.ensure_partitions((clock_timestamp() at time zone 'UTC')::date - 1, 9);
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'added', v_added)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.rotate_partitions(jsonb) is
  'Make the partitions of yesterday, today and a week ahead; those that are there stay.';
grant execute on function ops.rotate_partitions(jsonb) to housekeeping_agent;
