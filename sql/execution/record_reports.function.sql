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
  v_attempt record;
  v_report jsonb;
  v_ids uuid[] := '{}';
  v_reports jsonb[] := '{}';
  v_fills jsonb[] := '{}';
  v_said jsonb[] := '{}';
  v_booked jsonb;
  v_moves jsonb;
  v_moved uuid[] := '{}';
  v_changed boolean := false;
  v_over boolean := false;
  v_traded uuid[] := '{}';
  v_gains jsonb[] := '{}';
begin
  perform execution.fence_reports(p_items);
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_report := p_items -> i -> 'report';
    select a.attempt_id, a.order_id into v_attempt
      from execution.attempts a where a.attempt_id = (p_items -> i ->> 'attempt_id')::uuid;
    v_ids := array_append(v_ids, v_attempt.attempt_id);
    v_reports := array_append(v_reports, v_report);
    v_said := array_append(v_said, jsonb_build_object(
      'i', p_items -> i -> 'i', 'attempt_id', v_attempt.attempt_id,
      'order_id', v_attempt.order_id, 'report', v_report));
    for j in 0 .. coalesce(jsonb_array_length(v_report -> 'fills'), 0) - 1 loop
      v_fills := array_append(v_fills, (v_report -> 'fills' -> j) || jsonb_build_object(
        'order_id', v_attempt.order_id, 'attempt_id', v_attempt.attempt_id));
    end loop;
  end loop;
  v_booked := execution.post_fills(to_jsonb(v_fills), v_now);
  for i in 0 .. jsonb_array_length(v_booked) - 1 loop
    v_traded := array_append(v_traded, (v_booked -> i ->> 'attempt_id')::uuid);
    v_gains := array_append(v_gains, jsonb_build_object(
      'account_id', v_booked -> i -> 'account_id',
      'amount', (coalesce((v_booked -> i ->> 'profit')::numeric,
                          (v_booked -> i ->> 'realized_pnl')::numeric)
                 - (v_booked -> i ->> 'commission')::numeric
                 - coalesce((v_booked -> i ->> 'fee')::numeric, 0)
                 + coalesce((v_booked -> i ->> 'swap')::numeric, 0))::text));
  end loop;

  v_moves := execution.report_moves(to_jsonb(v_said), v_booked);
  for i in 0 .. jsonb_array_length(v_moves) - 1 loop
    v_moved := array_append(v_moved, (v_moves -> i ->> 'order_id')::uuid);
    v_changed := v_changed or v_moves -> i ? 'change';
    v_over := v_over or coalesce(v_moves -> i ->> 'code' = 'TR407', false);
  end loop;
  perform execution.move_orders(v_moves, 'execution', v_now);
  if v_changed then
    perform execution.end_changes(v_moves, v_now);
  end if;
  if v_over then
    perform execution.tell_overfills(v_moves);
  end if;
  if cardinality(v_moved) < cardinality(v_ids) then
    -- What moved nothing may still tell the venue's number.
    update public.orders o
       set venue_order_id = s.venue_order_id
      from (select (x ->> 'order_id')::uuid as order_id,
                   max(x #>> '{report,venue_order_id}') as venue_order_id
              from unnest(v_said) x
             group by 1) s
     where o.order_id = s.order_id and s.venue_order_id is not null
       and o.venue_order_id is distinct from s.venue_order_id;
  end if;

  update execution.attempts a
     set state = case when s.status in ('unknown', 'not_found') then 'unknown'
                      when s.status = 'not_sent' or s.status = 'again'
                           and s.report ->> 'retcode' is null then 'not_sent'
                      else 'answered' end,
         answered_at = case when s.status in ('unknown', 'not_found') then a.answered_at
                            else v_now end,
         retcode = (s.report ->> 'retcode')::int, report = s.report,
         latency_ms = (s.report ->> 'latency_ms')::int
    from (select distinct on (x.attempt_id) x.attempt_id, x.report,
                 x.report ->> 'status' as status
            from unnest(v_ids, v_reports) with ordinality as x(attempt_id, report, nr)
           order by x.attempt_id, x.nr desc) s
   where a.attempt_id = s.attempt_id
     and (a.state in ('open', 'unknown') or a.attempt_id = any (v_traded));

  if cardinality(v_moved) > 0 then
    perform execution.close_orders(v_moved, to_jsonb(v_gains), 'execution', v_now);
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', s.said -> 'i', 'attempt_id', s.said -> 'attempt_id', 'order_id', o.order_id,
             'status', o.status, 'filled_quantity', o.filled_quantity::text,
             'repeated', o.order_id <> all (v_moved),
             'fills', (select coalesce(jsonb_agg(b - 'held' - 'average' - 'nr'), '[]')
                         from jsonb_array_elements(v_booked) b
                        where b -> 'attempt_id' = s.said -> 'attempt_id')) order by s.nr), '[]')
      from unnest(v_said) with ordinality as s(said, nr)
      join public.orders o on o.order_id = (s.said ->> 'order_id')::uuid);
end $$;
comment on function execution.record_reports(jsonb) is
  'Record what the venue said about attempts: order, fills, position, reservation, account, outcome. TR405: another worker owns the account. TR406: no such transition. TR412: no such attempt. TR419: a trade id with other figures.';
grant execute on function execution.record_reports(jsonb) to execution_agent;
