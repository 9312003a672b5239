create or replace function execution.health_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
-- Plans outlive the small tables they were made for: index lookups alone keep their price.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_policy_hash text;
  v_policy jsonb;
  v_pairs jsonb;
begin
  select p.policy_hash,
         (p.body -> 'health') || jsonb_build_object(
           'open_risk_max', p.body #> '{routing,debt_to_risk_max}')
    into v_policy_hash, v_policy
    from risk.policies p where p.active;

  with sent as materialized (
    select o.venue_id, o.symbol, count(*) as sent,
           count(*) filter (where o.status = 'rejected' or a.refused) as rejected,
           count(*) filter (where a.state in ('unknown', 'not_sent')
                               or a.state = 'open' and a.opened_at < v_now - interval '10 seconds')
             as unanswered,
           percentile_disc(0.95) within group (order by a.latency_ms) as latency_p95_ms
      -- The latest thousand are enough to judge by, and bound the work of a busy quarter hour.
      -- An order that was tried several times counts once, as it ended.
      from (select distinct on (k.order_id) k.order_id, k.latency_ms, k.state, k.opened_at,
                   -- Answered that it may be tried again: a requote, or nothing may be traded.
                   k.state = 'answered' and k.report ->> 'status' = 'again' as refused
              from (select t.order_id, t.latency_ms, t.state, t.opened_at, t.report
                      from execution.attempts t
                     where t.opened_at > v_now - interval '15 minutes'
                       -- What never left tells nothing of how orders fill: that the venue is
                       -- away is told below, and forgotten when it is back.
                       and not execution.never_left(t.state, t.report)
                     order by t.opened_at desc limit 1000) k
             order by k.order_id, k.opened_at desc) a
      join public.orders o on o.order_id = a.order_id
     group by o.venue_id, o.symbol
  ), away as materialized (
    -- Since an account's venue last answered, an order could not leave: what is tried again comes
    -- within twelve seconds (waiting to connect, and the longest pause before the next try).
    -- Silence after that lets one try.
    select c.venue_id
      from (select t.account_id,
                   max(t.answered_at) filter (
                     where t.state = 'not_sent' and t.report ->> 'code' = 'TR415') as lost_at,
                   max(t.answered_at) filter (where t.state = 'answered') as told_at
              from execution.attempts t
             where t.opened_at > v_now - interval '30 seconds'
             group by t.account_id) k
      join public.accounts c on c.account_id = k.account_id
     where k.lost_at > greatest(k.told_at, v_now - interval '12 seconds')
  ), debt as materialized (
    select c.venue_id, r.symbol, sum(r.remaining_notional) as open_risk
      from risk.reservations r
      join public.accounts c on c.account_id = r.account_id
     where r.released_at is null
     group by c.venue_id, r.symbol
  ), halted as materialized (
    select h.scope, h.scope_id from governance.halts h where h.lifted_at is null
  )
  select coalesce(jsonb_agg(jsonb_build_object(
           'venue_id', v.venue_id, 'symbol', s.symbol,
           'bid', q.bid::text, 'ask', q.ask::text, 'quoted_at', q.received_at,
           'sent', coalesce(t.sent, 0), 'rejected', coalesce(t.rejected, 0),
           'unanswered', coalesce(t.unanswered, 0),
           'unreachable', exists (select from away w where w.venue_id = v.venue_id),
           'latency_p95_ms', t.latency_p95_ms,
           'open_risk', coalesce(d.open_risk, 0)::text,
           'halted', v.state <> 'active' or exists (
             select from halted h
              where h.scope = 'platform'
                 or (h.scope, h.scope_id) in (('venue', v.venue_id), ('instrument', s.symbol))),
           'before', case when b.symbol is null then null else jsonb_build_object(
             'fill_confidence', b.fill_confidence::text,
             'throttle_per_minute', b.throttle_per_minute,
             'debt_to_risk', b.debt_to_risk::text, 'spread_bps', b.spread_bps::text,
             'as_of', b.as_of) end)
           order by v.venue_id, s.symbol), '[]')
    into v_pairs
    from public.venues v
    cross join public.instruments s
    left join public.latest_quotes q on q.venue_id = v.venue_id and q.symbol = s.symbol
    left join sent t on t.venue_id = v.venue_id and t.symbol = s.symbol
    left join debt d on d.venue_id = v.venue_id and d.symbol = s.symbol
    left join execution.venue_health b on b.venue_id = v.venue_id and b.symbol = s.symbol
   where s.state = 'tradable'
     and exists (select from public.accounts c where c.venue_id = v.venue_id);

  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'pairs', v_pairs, 'ballots', governance.open_ballots(),
                   'policy', v_policy,
                   'policy_hash', v_policy_hash)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.health_facts(jsonb) is
  'What was seen of every venue and tradable symbol in the last 15 minutes: quote, rejections, latency, whether it is away, open reservations, halts, the health last recorded, and what waits for a vote.';
grant execute on function execution.health_facts(jsonb) to execution_overseer_agent;
