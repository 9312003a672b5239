create or replace function ops.clear_workers(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_cleared int;
begin
  -- Their shards were taken over when the lease ended; one that comes back registers anew.
  with gone as (
    delete from bus.workers w
     where w.lease_until < clock_timestamp() - interval '10 minutes'
    returning w.worker_id
  )
  select count(*) into v_cleared from gone;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'cleared', v_cleared)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.clear_workers(jsonb) is
  'Forget workers whose lease ended ten minutes ago.';
grant execute on function ops.clear_workers(jsonb) to housekeeping_agent;
