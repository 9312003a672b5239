-- What each order cost against the price at which it was decided, in basis points of it; worked
-- orders as they were measured when they ended, immediate ones from what their fills say.
drop view if exists execution.shortfalls;
create view execution.shortfalls with (security_invoker = true) as
select p.intent_id, p.correlation_id, p.org_id, p.account_id, p.symbol, p.algorithm,
       p.latency_class, p.quantity, p.filled_quantity, p.decision_price, p.average_price,
       p.delay_bps, p.impact_bps, p.spread_bps, p.opportunity_bps, p.total_bps, p.behind_share,
       p.starts_at, p.finished_at
  from execution.parents p
 where p.state = 'done'
union all
select o.intent_id, o.correlation_id, o.org_id, o.account_id, o.symbol, 'immediate',
       o.latency_class, o.quantity, f.quantity, o.reference_price,
       round(f.value / f.quantity, 10),
       round(f.delay, 6), round(f.total - f.delay - f.spread, 6), round(f.spread, 6), null,
       round(f.total, 6), 0, o.created_at, f.ended_at
  from (select k.intent_id, min(k.correlation_id::text)::uuid as correlation_id,
               min(k.org_id) as org_id, min(k.account_id) as account_id,
               min(k.symbol) as symbol, min(k.latency_class) as latency_class,
               min(k.side) as side, sum(k.quantity) as quantity,
               min(k.reference_price) as reference_price, min(k.created_at) as created_at
          from public.orders k
         where k.latency_class = 'immediate'
         group by k.intent_id) o
 cross join lateral (
   select sum(l.quantity) as quantity, sum(l.quantity * l.price) as value,
          max(l.recorded_at) as ended_at,
          -- Attributions are gains in account currency; costs are their negatives.
          -10000 * sum((l.attribution ->> 'market_move')::numeric)
            / sum(nullif(l.value_per_point, 0) * l.quantity * o.reference_price) as delay,
          -10000 * sum((l.attribution ->> 'spread')::numeric)
            / sum(nullif(l.value_per_point, 0) * l.quantity * o.reference_price) as spread,
          10000 * case o.side when 'BUY' then 1 else -1 end
            * (sum(l.quantity * l.price) / sum(l.quantity) - o.reference_price)
            / o.reference_price as total
     from public.orders q
     join public.fills l on l.order_id = q.order_id
    where q.intent_id = o.intent_id) f
 where f.quantity > 0;
comment on view execution.shortfalls is
  'What orders cost against their decision price, split into delay, impact, spread and opportunity; positive is worse.';
grant select on execution.shortfalls to desk_reader, auditor, desk_operator, treasury_operator;
