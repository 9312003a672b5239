create or replace function governance.follow_decision(
  p_proposal public.proposals, p_state text) returns void
language plpgsql as $$
declare
  v_intent public.intents;
begin
  if p_proposal.kind = 'high_risk_intent' then
    update public.intents n
       set state = case p_state when 'approved' then 'approved' else 'refused' end,
           decided_at = clock_timestamp()
     where n.intent_id = p_proposal.subject::uuid and n.state = 'awaiting_vote'
    returning n.* into v_intent;
    if not found then
      return;
    elsif p_state = 'approved' then
      -- Risk authorises it afresh, as a new intent, against the market of that moment.
      perform bus.deliver_row('risk', 'approved', p_proposal.proposal_id, v_intent.account_id,
                              v_intent.org_id, v_intent.correlation_id, 60000);
    elsif v_intent.kind = 'allocate' then
      perform ops.record_outcome(v_intent.correlation_id, v_intent.org_id, 'denied', 'TR511',
                                 'policy_guard', clock_timestamp());
    end if;
  elsif p_proposal.kind = 'halt' and p_state = 'approved' then
    perform governance.record_halts(jsonb_build_array(jsonb_build_object(
      'i', 0, 'halt_id', bus.uuid7(), 'scope', p_proposal.payload ->> 'scope',
      'scope_id', p_proposal.payload ->> 'scope_id',
      'reason', p_proposal.payload ->> 'reason')));
    update public.proposals p set state = 'executed'
     where p.proposal_id = p_proposal.proposal_id;
  end if;
end $$;
comment on function governance.follow_decision(public.proposals, text) is
  'Do what a decided proposal asks for, in the same transaction. Called by other procedures only.';
