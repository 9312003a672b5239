-- Hours are rolled up while they last and once more when they are over; the week ends now.
create or replace function execution.roll_latencies(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_hour timestamptz := date_trunc('hour', v_now) - interval '1 hour';
  v_rolled bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('execution.latency_baselines', 0));
  with sent as materialized (
    select o.venue_id, o.account_id, o.order_type, o.status, a.state, a.latency_ms,
           a.opened_at
      from execution.attempts a
      join public.orders o on o.order_id = a.order_id
     where a.opened_at > v_now - interval '7 days'
       -- What never left was not waited for.
       and not execution.never_left(a.state, a.report)
  ), spans as (
    select s.venue_id, s.account_id, s.order_type, s.status, s.state, s.latency_ms,
           p.span, p.starts_at
      from sent s
     cross join lateral (
       select 'week' as span, timestamptz 'epoch' as starts_at
       union all
       select 'hour', date_trunc('hour', s.opened_at) where s.opened_at >= v_hour) p
  ), rolled as (
    insert into execution.latency_baselines as b
      (venue_id, route, order_type, span, starts_at, attempts, answered, unanswered, rejected,
       p50_ms, p90_ms, p95_ms, p99_ms, longest_ms, rolled_at)
    select g.venue_id, g.account_id, g.order_type, g.span, g.starts_at, g.attempts, g.answered,
           g.unanswered, g.rejected, g.p[1], g.p[2], g.p[3], g.p[4], g.longest, v_now
      from (select k.venue_id, k.account_id, k.order_type, k.span, k.starts_at,
                   count(*) as attempts,
                   count(*) filter (where k.state = 'answered') as answered,
                   count(*) filter (where k.state in ('unknown', 'not_sent')) as unanswered,
                   count(*) filter (where k.status = 'rejected') as rejected,
                   percentile_disc(array[0.5, 0.9, 0.95, 0.99])
                     within group (order by k.latency_ms) as p,
                   max(k.latency_ms) as longest
              from spans k
             group by k.venue_id, k.account_id, k.order_type, k.span, k.starts_at) g
    on conflict (venue_id, route, order_type, span, starts_at) do update
       set attempts = excluded.attempts, answered = excluded.answered,
           unanswered = excluded.unanswered, rejected = excluded.rejected,
           p50_ms = excluded.p50_ms, p90_ms = excluded.p90_ms, p95_ms = excluded.p95_ms,
           p99_ms = excluded.p99_ms, longest_ms = excluded.longest_ms,
           rolled_at = excluded.rolled_at
    returning 1
  )
  select count(*) into v_rolled from rolled;
  -- What was not renewed has had no attempt for a week: it says nothing about today.
  delete from execution.latency_baselines b where b.span = 'week' and b.rolled_at < v_now;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'rolled', v_rolled)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.roll_latencies(jsonb) is
  'Roll up how long venues took to answer, by venue, account and order type: this hour, the last one and the week.';
grant execute on function execution.roll_latencies(jsonb) to housekeeping_agent;
