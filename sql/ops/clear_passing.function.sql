create or replace function ops.clear_passing(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_keys int;
  v_duplicates int;
  v_refused int;
  v_parked int;
begin
  -- In portions: a table that grew for a month is not emptied in one transaction.
  delete from ops.idempotency_keys k
   where k.ctid = any (array(
     select o.ctid from ops.idempotency_keys o
       join ops.retention r on r.subject = 'ops.idempotency_keys'
      where o.created_at < v_now - r.keep_days * interval '1 day' limit 5000));
  get diagnostics v_keys = row_count;
  delete from intake.duplicates d
   where d.ctid = any (array(
     select o.ctid from intake.duplicates o
       join ops.retention r on r.subject = 'intake.duplicates'
      where o.received_at < v_now - r.keep_days * interval '1 day' limit 5000));
  get diagnostics v_duplicates = row_count;
  delete from bus.refused f
   where f.ctid = any (array(
     select o.ctid from bus.refused o
       join ops.retention r on r.subject = 'bus.refused'
      where o.refused_at < v_now - r.keep_days * interval '1 day' limit 5000));
  get diagnostics v_refused = row_count;
  delete from bus.parked_keys k where k.until < v_now - interval '1 minute';
  get diagnostics v_parked = row_count;
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'keys', v_keys, 'duplicates', v_duplicates, 'refused', v_refused,
                   'parked', v_parked)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.clear_passing(jsonb) is
  'Delete answered request keys, duplicates and refused messages past their retention, and parking that is over.';
grant execute on function ops.clear_passing(jsonb) to housekeeping_agent;
