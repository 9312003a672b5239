-- What waits for a vote holds no budget: approval authorises afresh.
create or replace function governance.request_approvals(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.proposals
    (proposal_id, org_id, kind, subject, payload, evidence, state, proposed_by, opened_at,
     expires_at, correlation_id)
  select x.proposal_id, n.org_id, 'high_risk_intent', n.intent_id::text, x.payload, x.evidence,
         'open', session_user, clock_timestamp(),
         clock_timestamp() + x.ttl_s * interval '1 second', n.correlation_id
    from jsonb_to_recordset(p_items) as x(
      proposal_id uuid, intent_id uuid, payload jsonb, evidence jsonb, ttl_s int)
    join public.intents n on n.intent_id = x.intent_id and n.state = 'authorized'
  on conflict (proposal_id) do nothing;
  update public.intents n set state = 'awaiting_vote'
    from jsonb_to_recordset(p_items) as x(proposal_id uuid, intent_id uuid)
    join public.proposals p on p.proposal_id = x.proposal_id
   where n.intent_id = x.intent_id and n.state = 'authorized';
  perform risk.release_reservation(n.intent_id, 'policy_guard')
     from jsonb_to_recordset(p_items) as x(intent_id uuid)
     join public.intents n on n.intent_id = x.intent_id and n.state = 'awaiting_vote';
  return '[]';
end $$;
comment on function governance.request_approvals(jsonb) is
  'Put high-risk intents before the voters and give back what they reserved.';
grant execute on function governance.request_approvals(jsonb) to policy_guard_agent;
