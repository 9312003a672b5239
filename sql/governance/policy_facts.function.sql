create or replace function governance.policy_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_body jsonb;
begin
  select p.policy_hash, p.body into v_policy_hash, v_body from risk.policies p where p.active;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i,
             'intent', case when n.intent_id is null then null else jsonb_build_object(
               'state', n.state, 'policy_hash', n.policy_hash, 'kind', n.kind,
               'authorized_quantity', n.authorized_quantity::text,
               'notional', n.notional::text, 'risk_level', n.risk_level,
               'highest_utilization', n.highest_utilization::text,
               'expires_at', n.expires_at, 'mode', n.mode) end,
             'full_limits', (select coalesce(jsonb_agg(c.scope || '.' || c.limit_kind
                                                       order by c.scope, c.limit_kind), '[]')
                               from public.risk_checks c
                               join risk.limit_kinds() k on k.kind = c.limit_kind and k.budget
                              where c.intent_id = x.intent_id and c.limit_value > 0
                                and c.projected >= c.limit_value * x.share),
             'approved_by', (select p.proposal_id from public.proposals p
                              where p.kind = 'high_risk_intent'
                                and p.state in ('approved', 'executed')
                                and 'proposal:' || p.proposal_id::text = any (n.reason_codes)),
             'halt', governance.standing_halt(n.org_id, n.venue_id, n.account_id, n.strategy_id,
                                              n.symbol),
             'modes', v_body -> 'modes', 'authority', v_body -> 'authority',
             'execution', v_body -> 'execution', 'policy_hash', v_policy_hash)), '[]')
      from jsonb_to_recordset(p_items) as x(i int, intent_id uuid, share numeric)
      left join public.intents n on n.intent_id = x.intent_id);
end $$;
comment on function governance.policy_facts(jsonb) is
  'What policy guard judges by: the intent as authorised, the active pack, halts, and a vote that approved it.';
grant execute on function governance.policy_facts(jsonb) to policy_guard_agent;
