-- Read back from the record: what the router saw and with what chance it chose, beside what came
-- of it. Only orders that are over tell; those that we denied say nothing about a venue.
create or replace function execution.venue_choice_rows(p_items jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
           'i', x.i,
           'active', (select m.model from execution.venue_models m where m.state = 'active'),
           'learned_at', (select max(m.learned_at) from execution.venue_models m),
           'rows', (
             select coalesce(jsonb_agg(jsonb_build_object(
                      'venues', t.venues, 'features', t.features,
                      'cost_bps', round(r.slippage_bps + coalesce(r.commission_bps, 0), 6))
                      order by t.decided_at, t.trace_id), '[]')
               from (select k.decided_at, k.trace_id, k.correlation_id,
                            (k.facts -> 'venues') - 'model' as venues,
                            k.decision -> 'features' as features
                       from public.decision_traces k
                      where k.agent = 'strategy_router' and k.outcome = 'selected'
                        and k.decided_at > clock_timestamp() - interval '90 days'
                        and k.decision -> 'features' ? 'venue.propensity'
                        and not ops.in_shadow(k.correlation_id)
                      order by k.decided_at desc, k.trace_id limit x.rows_max) t
               cross join lateral (
                 select count(*) as orders, count(d.order_id) as closed,
                        bool_and(o.status = 'denied') as denied,
                        sum(f.slipped) / nullif(sum(f.quantity), 0) as slippage_bps,
                        10000 * sum(f.commission) / nullif(sum(f.notional), 0) as commission_bps
                   from public.orders o
                   join public.intents n on n.intent_id = o.intent_id and n.kind = 'allocate'
                   left join public.decision_deltas d on d.order_id = o.order_id
                   left join lateral (
                     select sum(b.slippage_bps * b.quantity) as slipped,
                            sum(b.quantity) as quantity, sum(b.commission) as commission,
                            sum(b.quantity * b.price * b.value_per_point) as notional
                       from public.fills b where b.order_id = o.order_id) f on true
                  where o.correlation_id = t.correlation_id) r
              where r.orders > 0 and r.closed = r.orders and not r.denied))), '[]')
    from jsonb_to_recordset(p_items) as x(i int, rows_max int)
$$;
comment on function execution.venue_choice_rows(jsonb) is
  'The newest choices of venue as traces tell them, each with what its orders cost; null where nothing was filled.';
grant execute on function execution.venue_choice_rows(jsonb) to housekeeping_agent;
