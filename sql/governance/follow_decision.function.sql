create or replace function governance.follow_decision(
  p_proposal public.proposals, p_state text) returns void
language plpgsql as $$
declare
  v_intent public.intents;
begin
  if p_proposal.kind = 'high_risk_intent' then
    update public.intents n
       set state = p_state, decided_at = clock_timestamp()
     where n.intent_id = p_proposal.subject::uuid and n.state = 'awaiting_vote'
    returning n.* into v_intent;
    if not found then
      return;
    elsif p_state = 'approved' then
      -- Risk authorises it afresh, as a new intent, against the market of that moment.
      perform bus.deliver_row('risk', 'approved', p_proposal.proposal_id, v_intent.account_id,
                              v_intent.org_id, v_intent.correlation_id, 60000);
      perform governance.record_event(p_proposal.proposal_id, 'executed', '{}');
    elsif v_intent.kind = 'allocate' then
      perform ops.record_outcome(
        v_intent.correlation_id, v_intent.org_id,
        case p_state when 'expired' then 'expired' else 'denied' end,
        case p_state when 'expired' then 'TR503' else 'TR511' end,
        'policy_guard', clock_timestamp());
    end if;
  elsif p_state <> 'approved' then
    return;
  elsif p_proposal.kind = 'halt' then
    perform governance.stand_halts(jsonb_build_array(jsonb_build_object(
      'i', 0, 'halt_id', bus.uuid7(), 'scope', p_proposal.payload ->> 'scope',
      'scope_id', p_proposal.payload ->> 'scope_id', 'cause', 'requested',
      'reason', coalesce(p_proposal.payload ->> 'reason', 'two personas asked for it'),
      'cancel_working_orders',
      coalesce((p_proposal.payload ->> 'cancel_working_orders')::boolean, true))));
    perform governance.record_event(p_proposal.proposal_id, 'executed', '{}');
  elsif p_proposal.kind = 'policy' then
    -- In force at once, unless the pack that it was compared with is no longer in force.
    perform risk.follow_policy(p_proposal.proposal_id);
  elsif p_proposal.kind = 'weights' then
    perform intake.activate_weights(p_proposal);
  elsif p_proposal.kind = 'venue_model' then
    perform execution.activate_venue_model(p_proposal);
  elsif p_proposal.kind in ('promote_shadow', 'parameter') then
    -- A parameter outside routing waits, passed, for whoever carries it out.
    perform risk.follow_routing(p_proposal.proposal_id);
  elsif p_proposal.kind = 'lift_halt' then
    perform governance.lift_halt(p_proposal);
  elsif p_proposal.kind in ('buyback', 'mint') then
    perform treasury.instruct(p_proposal);
  -- Going live waits, passed, for a person who finds the account flat.
  end if;
end $$;
comment on function governance.follow_decision(public.proposals, text) is
  'Do what a decided proposal asks for, in the same transaction. Called by other procedures only.';
