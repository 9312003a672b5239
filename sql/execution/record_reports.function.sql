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
  v_orders uuid[];
  v_attempt uuid;
  v_report jsonb;
  v_seen uuid[] := '{}';
  v_twice boolean := false;
  v_ids uuid[] := '{}';
  v_fills jsonb[] := '{}';
  v_said jsonb[] := '{}';
  v_last jsonb;
  v_booked jsonb;
  v_fill jsonb;
  v_moves jsonb;
  v_moved uuid[] := '{}';
  v_changed boolean := false;
  v_over boolean := false;
  v_traded uuid[] := '{}';
  v_gains jsonb[] := '{}';
begin
  v_orders := execution.fence_reports(p_items);
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_report := p_items -> i -> 'report';
    v_attempt := (p_items -> i ->> 'attempt_id')::uuid;
    v_twice := v_twice or v_orders[i + 1] = any (v_seen);
    v_seen := array_append(v_seen, v_orders[i + 1]);
    v_ids := array_append(v_ids, v_attempt);
    v_said := array_append(v_said, jsonb_build_object(
      'i', p_items -> i -> 'i', 'attempt_id', v_attempt, 'order_id', v_orders[i + 1],
      'report', v_report));
    for j in 0 .. coalesce(jsonb_array_length(v_report -> 'fills'), 0) - 1 loop
      v_fills := array_append(v_fills, (v_report -> 'fills' -> j) || jsonb_build_object(
        'order_id', v_orders[i + 1], 'attempt_id', v_attempt));
    end loop;
  end loop;
  v_booked := execution.post_fills(to_jsonb(v_fills), v_now);
  for i in 0 .. jsonb_array_length(v_booked) - 1 loop
    v_fill := v_booked -> i;
    v_traded := array_append(v_traded, (v_fill ->> 'attempt_id')::uuid);
    v_gains := array_append(v_gains, jsonb_build_object(
      'account_id', v_fill -> 'account_id', 'amount', v_fill -> 'gain'));
  end loop;

  v_last := to_jsonb(v_said);
  if v_twice then
    -- The last word about an order counts; its number at the venue may have been said before.
    select jsonb_agg(s.said || jsonb_build_object('venue_order_id', s.venue_order_id))
      into v_last
      from (select distinct on (u.said ->> 'order_id') u.said,
                   max(u.said #>> '{report,venue_order_id}')
                     over (partition by u.said ->> 'order_id') as venue_order_id
              from unnest(v_said) with ordinality as u(said, nr)
             order by u.said ->> 'order_id', u.nr desc) s;
  end if;
  v_moves := execution.report_moves(v_last, v_booked);
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
         -- What was found later took no time of its own: how long the call was waited for stays.
         latency_ms = coalesce((s.report ->> 'latency_ms')::int, a.latency_ms)
    from (select distinct on (v_ids[x.nr]) v_ids[x.nr] as attempt_id, x.said -> 'report' as report,
                 x.said #>> '{report,status}' as status
            from unnest(v_said) with ordinality as x(said, nr)
           order by v_ids[x.nr], x.nr desc) s
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
             'fills', coalesce(b.fills, '[]')) order by s.nr), '[]')
      from unnest(v_said) with ordinality as s(said, nr)
      cross join lateral (
        select k.order_id, k.status, k.filled_quantity
          from public.orders k where k.order_id = v_orders[s.nr] offset 0) o
      left join (select e.fill ->> 'attempt_id' as attempt_id, jsonb_agg(e.fill) as fills
                   from jsonb_array_elements(v_booked) e(fill)
                  group by 1) b on b.attempt_id = s.said ->> 'attempt_id');
end $$;
comment on function execution.record_reports(jsonb) is
  'Record what the venue said about attempts: order, fills, position, reservation, account, outcome. TR405: another worker owns the account. TR406: no such transition. TR412: no such attempt. TR419: a trade id with other figures.';
grant execute on function execution.record_reports(jsonb) to execution_agent;
