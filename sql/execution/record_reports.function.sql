-- What a venue said becomes true: once, however often it is said, and only from the bridge that
-- owns the account now. An answer of a bridge that stalled and came back is refused.
create or replace function execution.record_reports(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = ''
  -- A few rows by their keys out of tables that grow while sessions live: plans made when the
  -- tables were small must not scan them later.
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_said jsonb;
  v_booked jsonb;
  v_moves jsonb;
begin
  perform execution.fence_reports(p_items);
  select coalesce(jsonb_agg(jsonb_build_object(
           'i', x.i, 'attempt_id', a.attempt_id, 'order_id', a.order_id, 'report', x.report)
           order by x.i), '[]')
    into v_said
    from jsonb_to_recordset(p_items) as x(i int, attempt_id uuid, report jsonb)
    join execution.attempts a on a.attempt_id = x.attempt_id;

  v_booked := execution.post_fills((
    select coalesce(jsonb_agg(f.fill || jsonb_build_object(
             'order_id', s.order_id, 'attempt_id', s.attempt_id)), '[]')
      from jsonb_to_recordset(v_said) as s(order_id uuid, attempt_id uuid, report jsonb)
     cross join lateral jsonb_array_elements(coalesce(s.report -> 'fills', '[]')) f(fill)),
    v_now);

  v_moves := execution.report_moves(v_said, v_booked);

  -- Derived from the ledger of fills, never added up. More than was ordered is flagged in the
  -- event; the position has all of it.
  update public.orders o
     set filled_quantity = least(o.quantity, coalesce(n.quantity, 0)),
         average_price = n.cost / n.quantity,
         venue_order_id = coalesce(n.venue_order_id, o.venue_order_id)
    from (select s.order_id, max(s.report ->> 'venue_order_id') as venue_order_id,
                 f.quantity, f.cost
            from jsonb_to_recordset(v_said) as s(order_id uuid, report jsonb)
           cross join lateral (
             select sum(b.quantity) as quantity, sum(b.quantity * b.price) as cost
               from public.fills b where b.order_id = s.order_id) f
           group by s.order_id, f.quantity, f.cost) n
   where o.order_id = n.order_id;
  perform execution.move_orders(v_moves, 'execution', v_now);

  update execution.attempts a
     set state = case when s.status in ('unknown', 'not_found') then 'unknown'
                      when s.status = 'not_sent' then 'not_sent' else 'answered' end,
         answered_at = case when s.status in ('unknown', 'not_found') then a.answered_at
                            else v_now end,
         retcode = s.retcode, report = s.report, latency_ms = s.latency_ms
    from (select distinct on (x.attempt_id) x.attempt_id, x.report,
                 x.report ->> 'status' as status, (x.report ->> 'retcode')::int as retcode,
                 (x.report ->> 'latency_ms')::int as latency_ms
            from jsonb_to_recordset(v_said) as x(i int, attempt_id uuid, report jsonb)
           order by x.attempt_id, x.i desc) s
   where a.attempt_id = s.attempt_id
     and (a.state in ('open', 'unknown')
          or a.attempt_id in (select b.attempt_id
                                from jsonb_to_recordset(v_booked) as b(attempt_id uuid)));

  perform execution.close_orders(array(
    select (m ->> 'order_id')::uuid from jsonb_array_elements(v_moves) m), (
    select coalesce(jsonb_agg(jsonb_build_object(
             'account_id', b.account_id,
             'amount', (b.realized_pnl - b.commission)::text)), '[]')
      from jsonb_to_recordset(v_booked) as b(
        account_id text, realized_pnl numeric, commission numeric)), 'execution', v_now);

  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', s.i, 'attempt_id', s.attempt_id, 'order_id', s.order_id,
             'status', o.status, 'filled_quantity', o.filled_quantity::text,
             'repeated', not exists (select from jsonb_array_elements(v_moves) m
                                      where (m ->> 'order_id')::uuid = s.order_id),
             'fills', (select coalesce(jsonb_agg(b - 'held' - 'average' - 'nr'), '[]')
                         from jsonb_array_elements(v_booked) b
                        where (b ->> 'attempt_id')::uuid = s.attempt_id)) order by s.i), '[]')
      from jsonb_to_recordset(v_said) as s(i int, attempt_id uuid, order_id uuid)
      join public.orders o on o.order_id = s.order_id);
end $$;
comment on function execution.record_reports(jsonb) is
  'Record what the venue said about attempts: order, fills, position, reservation, account, outcome. TR405: another worker owns the account. TR406: no such transition. TR412: no such attempt. TR419: a trade id with other figures.';
grant execute on function execution.record_reports(jsonb) to execution_agent;
