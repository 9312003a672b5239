create or replace function execution.routing_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
-- Plans outlive the small tables they were made for: index lookups alone keep their price.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_policy_hash text;
  v_policy jsonb;
begin
  select p.policy_hash, p.body -> 'routing' into v_policy_hash, v_policy
    from risk.policies p where p.active;
  return (
    with item as materialized (
      select x.i, x.hypothesis_id, x.correlation_id, x.symbol, x.side, t.strategy_id, t.org_id, t.account_id,
             t.mode, t.state as strategy_state, c.state as account_state,
             c.mode as account_mode, c.venue_id
        from jsonb_to_recordset(p_items) as x(
          i int, hypothesis_id uuid, correlation_id uuid, strategy_id text, symbol text, side text)
        left join public.strategies t on t.strategy_id = x.strategy_id
        left join public.accounts c on c.account_id = t.account_id
    ), routed as materialized (
      select d.venue_id, d.symbol,
             (select count(*) from public.opportunities o
               where o.symbol = d.symbol and o.venue_id = d.venue_id and o.selected
                 and o.created_at > v_now - interval '1 minute') as last_minute
        from (select distinct i.venue_id, i.symbol from item i) d
    ), opposed as materialized (
      -- Undecided opportunities on the other side: what has ended no longer competes. The
      -- latest hundred bound the work; a policy that allows conflicts asks for none of it.
      select d.account_id, d.symbol, d.side, max((e.evidence ->> 'weight')::numeric) as edge
        from (select distinct i.account_id, i.symbol, i.side from item i
               where v_policy ->> 'conflict_rule' <> 'allow') d
        cross join lateral (
          select k.hypothesis_id, k.correlation_id, k.account_id, k.side
            from public.opportunities k
           where k.symbol = d.symbol and k.selected
             and k.created_at > v_now - interval '10 minutes'
           order by k.created_at desc limit 100) o
        join public.hypotheses h on h.hypothesis_id = o.hypothesis_id
        cross join jsonb_array_elements(h.evidence) as e(evidence)
       where o.account_id = d.account_id and o.side <> d.side
         and h.window_closes_at > v_now and e.evidence ->> 'feature' = 'edge'
         and not exists (select from public.alert_outcomes a
                          where a.correlation_id = o.correlation_id
                            and a.outcome <> 'awaiting_vote')
       group by d.account_id, d.symbol, d.side
    )
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', i.i,
             'strategy', case when i.strategy_id is null then null else jsonb_build_object(
               'account_id', i.account_id, 'venue_id', i.venue_id, 'mode', i.mode,
               'account_mode', i.account_mode, 'account_state', i.account_state,
               'enabled', i.strategy_state = 'active' and not exists (
                 select from ops.feature_flags f
                  where f.flag = 'strategy.' || i.strategy_id and not f.enabled)) end,
             'halts', (select coalesce(jsonb_agg(h.scope || ':' || h.scope_id), '[]')
                         from governance.halts h
                        where h.lifted_at is null
                          and (h.scope = 'platform'
                               or (h.scope, h.scope_id) in (
                                 ('organization', i.org_id), ('account', i.account_id),
                                 ('strategy', i.strategy_id), ('venue', i.venue_id),
                                 ('instrument', i.symbol)))),
             'health', case when b.symbol is null then null else jsonb_build_object(
               'fill_confidence', b.fill_confidence::text,
               'throttle_per_minute', b.throttle_per_minute,
               'debt_to_risk', b.debt_to_risk::text, 'spread_bps', b.spread_bps::text,
               'latency_p95_ms', b.latency_p95_ms, 'as_of', b.as_of) end,
             'routed_last_minute', r.last_minute,
             'opposite_edge', o.edge::text,
             'opportunity_id', p.opportunity_id,
             'policy', v_policy, 'policy_hash', v_policy_hash)), '[]')
      from item i
      left join execution.venue_health b on b.venue_id = i.venue_id and b.symbol = i.symbol
      left join routed r on r.venue_id = i.venue_id and r.symbol = i.symbol
      left join opposed o on o.account_id = i.account_id and o.symbol = i.symbol
                         and o.side = i.side
      left join public.opportunities p on p.correlation_id = i.correlation_id
                                      and p.hypothesis_id = i.hypothesis_id);
end $$;
comment on function execution.routing_facts(jsonb) is
  'Strategy, account, halts, venue health, what was routed lately and what opposes it, and the active routing policy.';
grant execute on function execution.routing_facts(jsonb) to strategy_router_agent;
