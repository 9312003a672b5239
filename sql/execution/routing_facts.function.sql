-- Item by item, by key: for the few items of a batch that costs less than starting one large
-- query.
create or replace function execution.routing_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
-- Plans outlive the small tables they were made for: index lookups alone keep their price.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_policy_hash text;
  v_policy jsonb;
  -- Whose strategies have further accounts; for the others nothing of venues is read.
  v_enrolled jsonb;
  v_accounts text[];
  -- What the active policy or a shadow of it asks for; the rest is not read.
  v_opposite boolean;
  v_same boolean;
  v_budget boolean;
  v_pairs boolean;
  v_off text[] := array(select f.flag from ops.feature_flags f where not f.enabled);
  v_halts boolean := exists (select from governance.halts h where h.lifted_at is null);
  v_item jsonb;
  v_symbol text;
  v_strategy record;
  v_health record;
  v_halted jsonb := '[]';
  v_routed bigint;
  v_edges record;
  v_open_risks bigint;
  v_under_way jsonb;
  v_opportunity_id uuid;
  v_facts jsonb[] := '{}';
begin
  -- The pack is unpacked once for both.
  select p.policy_hash, x.routing, x.venues -> 'accounts'
    into v_policy_hash, v_policy, v_enrolled
    from risk.policies p
   cross join lateral jsonb_to_record(p.body) as x(routing jsonb, venues jsonb)
   where p.active;
  select coalesce(bool_or(r.body ->> 'conflict_rule' <> 'allow'), false),
         coalesce(bool_or(r.body ->> 'same_side_rule' <> 'allow'), false),
         coalesce(bool_or(r.body ->> 'open_risks_max' is not null), false),
         coalesce(bool_or(jsonb_array_length(r.body -> 'blocked_pairs') > 0), false)
    into v_opposite, v_same, v_budget, v_pairs
    from (select v_policy as body
          union all select s.body from jsonb_array_elements(v_policy -> 'shadows') as s(body)) r;
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> i;
    v_symbol := v_item ->> 'symbol';
    select t.strategy_id, t.org_id, t.account_id, t.mode, t.state, c.state as account_state,
           c.mode as account_mode, c.venue_id
      into v_strategy
      from public.strategies t
      left join public.accounts c on c.account_id = t.account_id
     where t.strategy_id = v_item ->> 'strategy_id';
    v_accounts := array[v_strategy.account_id];
    if v_enrolled ? v_strategy.strategy_id then
      v_accounts := v_accounts || array(
        select jsonb_array_elements_text(v_enrolled -> v_strategy.strategy_id));
    end if;
    v_routed := null;
    if v_strategy.venue_id is not null then
      select count(*) into v_routed
        from public.opportunities o
       where o.symbol = v_symbol and o.venue_id = v_strategy.venue_id and o.selected
         and o.created_at > v_now - interval '1 minute';
    end if;
    select null::numeric as opposite, null::numeric as same into v_edges;
    if v_opposite or v_same then
      -- Undecided opportunities of the symbol: what has ended no longer competes. The latest
      -- hundred bound the work; a policy that allows conflicts asks for none of it.
      select max((e.evidence ->> 'weight')::numeric) filter (where o.side <> v_item ->> 'side')
               as opposite,
             max((e.evidence ->> 'weight')::numeric) filter (where o.side = v_item ->> 'side')
               as same
        into v_edges
        from (select k.hypothesis_id, k.correlation_id, k.account_id, k.side
                from public.opportunities k
               where k.symbol = v_symbol and k.selected
                 and k.created_at > v_now - interval '10 minutes'
                 and k.correlation_id <> (v_item ->> 'correlation_id')::uuid
               order by k.created_at desc limit 100) o
        join public.hypotheses h on h.hypothesis_id = o.hypothesis_id
        cross join jsonb_array_elements(h.evidence) as e(evidence)
       where o.account_id = any (v_accounts)
         and h.window_closes_at > v_now and e.evidence ->> 'feature' = 'edge'
         and not exists (select from public.alert_outcomes a
                          where a.correlation_id = o.correlation_id
                            and a.outcome <> 'awaiting_vote')
         and (not ops.in_shadow(o.correlation_id)
              or not exists (select from public.shadow_comparisons c
                              where c.shadow_correlation_id = o.correlation_id
                                and c.shadow_outcome <> 'awaiting_vote'));
    end if;
    v_open_risks := null;
    v_under_way := null;
    if v_budget or v_pairs then
      -- What is reserved becomes a position or is given back: each is one risk.
      select count(*), coalesce(jsonb_agg(distinct w.symbol), '[]')
        into v_open_risks, v_under_way
        from (select r.symbol from risk.reservations r
               where r.account_id = any (v_accounts) and r.released_at is null
              union all
              select p.symbol from public.positions p
               where p.account_id = any (v_accounts) and p.quantity <> 0) w;
    end if;
    select b.symbol, b.fill_confidence, b.throttle_per_minute, b.debt_to_risk, b.spread_bps,
           b.latency_p95_ms, b.as_of
      into v_health
      from execution.venue_health b
     where b.venue_id = v_strategy.venue_id and b.symbol = v_symbol;
    if v_halts then
      select coalesce(jsonb_agg(h.scope || ':' || h.scope_id), '[]') into v_halted
        from governance.halts h
       where h.lifted_at is null
         and (h.scope = 'platform'
              or (h.scope, h.scope_id) in (
                ('organization', v_strategy.org_id), ('account', v_strategy.account_id),
                ('strategy', v_strategy.strategy_id), ('venue', v_strategy.venue_id),
                ('instrument', v_symbol)));
    end if;
    select p.opportunity_id into v_opportunity_id
      from public.opportunities p
     where p.correlation_id = (v_item ->> 'correlation_id')::uuid
       and p.hypothesis_id = (v_item ->> 'hypothesis_id')::uuid;
    v_facts := array_append(v_facts, jsonb_build_object(
      'i', v_item -> 'i',
      'strategy', case when v_strategy.strategy_id is not null then jsonb_build_object(
        'account_id', v_strategy.account_id, 'venue_id', v_strategy.venue_id,
        'mode', v_strategy.mode, 'account_mode', v_strategy.account_mode,
        'account_state', v_strategy.account_state,
        'enabled', v_strategy.state = 'active') end,
      'switched_off', v_off,
      'halts', v_halted,
      'health', case when v_health.symbol is not null then jsonb_build_object(
        'fill_confidence', v_health.fill_confidence::text,
        'throttle_per_minute', v_health.throttle_per_minute,
        'debt_to_risk', v_health.debt_to_risk::text, 'spread_bps', v_health.spread_bps::text,
        'latency_p95_ms', v_health.latency_p95_ms, 'as_of', v_health.as_of) end,
      'routed_last_minute', v_routed,
      'opposite_edge', v_edges.opposite::text, 'same_edge', v_edges.same::text,
      'open_risks', v_open_risks, 'under_way', v_under_way,
      'opportunity_id', v_opportunity_id,
      'venues', case when cardinality(v_accounts) > 1 and v_opportunity_id is null then
        execution.venue_candidates(
          v_strategy.org_id, v_strategy.strategy_id, v_strategy.account_id, v_symbol,
          v_strategy.mode = 'shadow') end,
      'policy', v_policy, 'policy_hash', v_policy_hash));
  end loop;
  return to_jsonb(v_facts);
end $$;
comment on function execution.routing_facts(jsonb) is
  'Strategy, account, halts, venue health, what was routed lately and what opposes it, the active routing policy, and the venues to choose among where the strategy has several accounts.';
grant execute on function execution.routing_facts(jsonb) to strategy_router_agent;
