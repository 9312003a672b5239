-- What is not proven to tighten counts as a loosening: whoever adds a number to the packs says
-- here which way is tighter, or lets people vote on every change of it.
create or replace function risk.compare_policies(p_before jsonb, p_after jsonb)
returns table (path text, before jsonb, after jsonb, effect text)
language sql stable security definer set search_path = '' as $$
  with recursive leaf (side, path, value) as (
    select s.side, '{}'::text[], s.body
      from (values ('before', p_before), ('after', p_after)) as s(side, body)
    union all
    select l.side, l.path || e.key, e.value
      from leaf l
      cross join lateral jsonb_each(
        case when jsonb_typeof(l.value) = 'object' then l.value else '{}' end) e
  ), own as materialized (
    -- What is null is not there: a pack from before a section was known says the same.
    select l.side, l.path, l.value from leaf l
     where jsonb_typeof(l.value) not in ('object', 'null')
  ), pair as materialized (
    select coalesce(b.path, a.path) as path, b.value as before, a.value as after,
           (coalesce(b.path, a.path))[cardinality(coalesce(b.path, a.path))] as kind
      from (select o.path, o.value from own o where o.side = 'before') b
      full join (select o.path, o.value from own o where o.side = 'after') a using (path)
     where b.value is distinct from a.value
  ), smaller_is_tighter (name, yes) as (
    values
      ('authority.human_approval_notional', true), ('authority.margin_rate', false),
      ('authority.soft_loss_factor', true), ('authority.intent_ttl_ms', true),
      ('authority.approval_ttl_s', true), ('authority.levels.medium', true),
      ('authority.levels.high', true), ('authority.levels.critical', true),
      ('authority.trim', true), ('authority.halt_on_breach', false),
      ('authority.basket_correlation', true), ('authority.cooldown_s', false),
      ('authority.scaling.floor', true), ('authority.scaling.volatility_from', true),
      ('authority.scaling.spread_from', true),
      ('scoring.threshold', false), ('routing.probability_min', false),
      ('routing.edge_min', false), ('routing.fill_confidence_min', false),
      ('routing.debt_to_risk_max', true), ('routing.spread_share_max', true),
      ('routing.health_age_ms_max', true), ('routing.open_risks_max', true),
      ('routing.latency_ms_max_immediate', true), ('routing.latency_ms_max_deferred', true),
      ('sizing.risk_fraction', true), ('sizing.kelly_fraction', true),
      ('sizing.kelly_z', false), ('sizing.kelly_prior', true),
      ('sizing.volatility_target', true), ('sizing.fallback_fraction', true),
      ('sizing.quantity_cap', true), ('sizing.position_cap', true),
      ('sizing.notional_cap', true), ('sizing.leverage_max', true),
      ('venues.counterparty_share_max', true), ('venues.counterparty_notional_max', true),
      ('venues.counterparty_notional_free', true), ('venues.exploration_orders_share', true),
      ('venues.exploration_notional_share', true), ('venues.exploration_notional_max', true)
  ), told as (
    select p.path, p.before, p.after, p.kind,
           case when p.path[1] = 'limits'
                -- Such a limit is a floor: more of it is tighter.
                then not (p.kind = 'stop_loss_required' or p.kind like '%\_min')
                else (select s.yes from smaller_is_tighter s
                       where s.name = array_to_string(p.path, '.')) end as smaller,
           case when p.before is null or p.after is null then null
                when jsonb_typeof(p.before) = 'boolean' and jsonb_typeof(p.after) = 'boolean'
                  then sign((p.after = 'true')::int - (p.before = 'true')::int)
                when (p.before #>> '{}') ~ '^-?\d+(\.\d+)?$'
                     and (p.after #>> '{}') ~ '^-?\d+(\.\d+)?$'
                  then sign((p.after #>> '{}')::numeric - (p.before #>> '{}')::numeric)
           end as direction
      from pair p
  )
  select array_to_string(t.path, '.'), t.before, t.after,
         case
           when t.path in (array['name'], array['version']) then 'none'
           -- Shadows decide nothing.
           when t.path = array['routing', 'shadows'] then 'none'
           when t.direction = 0 then 'none'
           when t.path = array['modes'] then
             case when t.before @> t.after then 'tightens' else 'loosens' end
           -- Where a strategy may trade: fewer accounts are tighter, its own always stays.
           when t.path[1] = 'venues' and coalesce(p_after -> 'venues', 'null') = 'null'
             then 'tightens'
           when t.path[1:2] = array['venues', 'accounts'] then
             case when t.after is null or t.before @> t.after then 'tightens' else 'loosens' end
           when t.path[1] = 'limits' and t.before is null then
             -- A limit more is tighter, unless its absence denied until now.
             case when not exists (select from risk.limit_kinds() k
                                    where k.kind = t.kind and k.mandatory)
                    or exists (select from own o
                                where o.side = 'before' and o.path[1] = 'limits'
                                  and o.path[cardinality(o.path)] = t.kind
                                  and (o.path[2] = 'platform' or o.path[3] = '*'))
                  then 'tightens' else 'loosens' end
           when t.smaller is null or t.direction is null then 'loosens'
           when t.smaller = (t.direction < 0) then 'tightens'
           else 'loosens' end
    from told t
   order by 1
$$;
comment on function risk.compare_policies(jsonb, jsonb) is
  'Every number in which two packs differ, and whether the second is tighter there; what is not proven tighter loosens.';
grant execute on function risk.compare_policies(jsonb, jsonb)
  to desk_operator, auditor, treasury_operator;
