-- What holds for a whole batch: `limits` that may apply to any of its intents, in the order of
-- judgement; `mandatory` kinds as bits by rank; `wide` scopes whose budgets accounts share; the
-- `kinds` that look at conditions.
create or replace function risk.read_policy(
  p_items jsonb, out policy_hash text, out body jsonb, out limits risk.limit_in_force[],
  out mandatory bigint, out wide text[], out kinds text[], out reaches text[], out trims boolean,
  out soft_loss_factor numeric, out levels jsonb, out ttl_ms int)
language plpgsql stable as $$
begin
  select p.policy_hash, p.body, coalesce((p.body #>> '{authority,trim}')::boolean, false),
         (p.body #>> '{authority,soft_loss_factor}')::numeric, p.body #> '{authority,levels}',
         (p.body #>> '{authority,intent_ttl_ms}')::int
    into policy_hash, body, trims, soft_loss_factor, levels, ttl_ms
    from risk.policies p where p.active;
  select coalesce(array_agg(
           row(k.kind, k.rank, k.unit, k.code, k.trims, k.budget, k.spared,
               k.summed and l.scope in ('platform', 'organization', 'venue'),
               l.scope, l.scope_id, l.value)::risk.limit_in_force
           order by k.rank, l.scope, l.scope_id), '{}'),
         array_agg(distinct l.scope) filter (
           where k.summed and l.scope in ('platform', 'organization', 'venue')),
         array_agg(distinct l.kind) filter (
           where l.kind in ('basket_exposure_pct', 'counterparty_equity',
                            'adverse_selection_bps', 'rejection_rate_pct',
                            'news_distance_s_min')
              or l.kind = 'order_rate_per_minute' and l.scope in ('strategy', 'instrument'))
    into limits, wide, kinds
    from risk.limits l
    join risk.limit_kinds() k on k.kind = l.kind
   where l.policy_hash = read_policy.policy_hash
     and (l.scope_id = '*' or l.scope_id in (
            select i.id from jsonb_array_elements(p_items) as e(item)
             cross join lateral unnest(array[
               e.item ->> 'org_id', e.item ->> 'account_id', e.item ->> 'strategy_id',
               e.item ->> 'symbol', e.item ->> 'venue_id']) as i(id)));
  select bit_or(1::bigint << k.rank) into mandatory from risk.limit_kinds() k where k.mandatory;
end $$;
comment on function risk.read_policy(jsonb) is
  'The active policy as it holds for a batch of intents. Internal.';
