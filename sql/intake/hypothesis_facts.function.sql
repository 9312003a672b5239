create or replace function intake.hypothesis_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
-- Plans outlive the small tables they were made for: index lookups alone keep their price.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_policy_hash text;
  v_policy jsonb;
  v_twins boolean := exists (select from public.strategies t where t.shadow_of is not null);
begin
  select p.policy_hash, p.body -> 'hypothesis' into v_policy_hash, v_policy
    from risk.policies p where p.active;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i, 'tick_size', s.tick_size::text,
             -- What waited for a person counts from that person's word.
             'wanted_at', greatest(g.received_at, (
               select max(v.decided_at) from public.review_queue v
                where v.correlation_id = g.correlation_id and v.state = 'approved')),
             'precedents', k.known, 'precedents_won', k.won,
             -- Who runs in the shadow of the strategy hears the same.
             'twins', case when v_twins then (
               select jsonb_agg(t.strategy_id order by t.strategy_id)
                 from public.strategies t
                where t.shadow_of = x.strategy_id and t.mode = 'shadow' and t.state = 'active')
             end,
             'policy', v_policy, 'policy_hash', v_policy_hash)), '[]')
      from jsonb_to_recordset(p_items) as x(
        i int, signal_id uuid, symbol text, precedents jsonb, strategy_id text)
     cross join lateral (
       -- The scorer named those that were closed when it scored: nothing later speaks here.
       select count(*) as known, count(*) filter (where p.outcome_r > 0) as won
         from jsonb_array_elements_text(coalesce(x.precedents, '[]')) as n(id)
         join public.precedents p on p.rationale_id = n.id::uuid) k
      left join public.instruments s on s.symbol = x.symbol
      left join public.signals_normalized g on g.signal_id = x.signal_id);
end $$;
comment on function intake.hypothesis_facts(jsonb) is
  'Tick size, when the alert came, who runs in the strategy''s shadow, how its precedents ended, and what the active pack says about hypotheses.';
grant execute on function intake.hypothesis_facts(jsonb) to strategy_analyst_agent;
