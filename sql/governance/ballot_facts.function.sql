create or replace function governance.ballot_facts(p_items jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
           'i', x.i, 'ballots', governance.open_ballots(),
           'policy_hash', (select p.policy_hash from risk.policies p where p.active))), '[]')
    from jsonb_to_recordset(p_items) as x(i int)
$$;
comment on function governance.ballot_facts(jsonb) is
  'What waits for the vote of the persona that asks, and the pack in force.';
grant execute on function governance.ballot_facts(jsonb)
  to strategy_analyst_agent, compliance_agent;
