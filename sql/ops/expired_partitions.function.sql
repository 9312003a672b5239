create or replace function ops.expired_partitions(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_due jsonb;
begin
  select coalesce(jsonb_agg(jsonb_build_object(
           'partition', e.name, 'subject', e.subject, 'until', e.until) order by e.until, e.name),
           '[]')
    into v_due
    from (select r.subject, c.oid::regclass::text as name,
                 substring(pg_catalog.pg_get_expr(c.relpartbound, c.oid)
                           from 'TO \(''([^'']+)''\)')::timestamptz as until, r.keep_days
            from ops.retention r
            join pg_catalog.pg_inherits h on h.inhparent = to_regclass(r.subject)
            join pg_catalog.pg_class c on c.oid = h.inhrelid
           where r.keep_days is not null) e
   where e.until < clock_timestamp() - e.keep_days * interval '1 day';
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'partitions', v_due)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.expired_partitions(jsonb) is
  'Partitions that lie wholly before what ops.retention keeps, oldest first.';
grant execute on function ops.expired_partitions(jsonb) to housekeeping_agent, desk_operator;
