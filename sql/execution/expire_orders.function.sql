create or replace function execution.expire_orders(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = ''
  -- A few rows by their keys out of tables that grow while sessions live: plans made when the
  -- tables were small must not scan them later.
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_expired uuid[];
begin
  -- Only what was never sent: the venue ends what it knows, and an open attempt is resolved.
  v_expired := array(
    select o.order_id from public.orders o
     where o.order_id in (select x.order_id from jsonb_to_recordset(p_items) as x(order_id uuid))
       and o.status = 'initialized' and o.expires_at <= v_now
     order by o.account_id, o.order_id
       for update);
  if cardinality(v_expired) > 0 then
    perform execution.move_orders((
      select jsonb_agg(jsonb_build_object('order_id', e, 'to_status', 'expired',
                                          'code', 'TR411',
                                          'message', 'expired before it was sent'))
        from unnest(v_expired) e), 'execution', v_now);
    perform execution.close_orders(v_expired, '[]', 'execution', v_now);
  end if;
  return (select coalesce(jsonb_agg(jsonb_build_object('order_id', e)), '[]')
            from unnest(v_expired) e);
end $$;
comment on function execution.expire_orders(jsonb) is
  'End orders whose time ran out before they were sent; repeating ends nothing twice.';
grant execute on function execution.expire_orders(jsonb) to execution_agent;
