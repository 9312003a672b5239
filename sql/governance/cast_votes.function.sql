-- Who votes is who logged in. The last vote of a voter counts, never on a proposal of one's own,
-- never after the decision. The proposal's row is locked: however many vote at once, it is
-- decided once.
create or replace function governance.cast_votes(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_login text := governance.acting_voter();
  v_voter governance.voters;
  v_item record;
  v_proposal public.proposals;
  v_vote public.votes;
  v_answers jsonb := '[]';
begin
  select v.* into v_voter from governance.voters v where v.voter = v_login;
  if not found then
    raise exception 'this session may not vote' using errcode = 'TR509';
  elsif v_voter.state <> 'active' or v_voter.kind = 'human' and (
          v_voter.role_name <> 'treasury_operator' or v_voter.org_id is null
          or v_voter.org_id <> all (ops.readable_organizations())) then
    raise exception '% has no vote', v_login using errcode = 'TR501';
  end if;
  for v_item in
    select x.* from jsonb_to_recordset(p_items) as x(
      i int, vote_id uuid, proposal_id uuid, decision text, reason text, sig text)
     order by x.proposal_id, x.i
  loop
    if btrim(coalesce(v_item.reason, '')) = '' then
      raise exception 'a vote needs a reason' using errcode = 'TR507';
    elsif coalesce(v_item.decision, '') not in ('approve', 'refuse') then
      raise exception 'a vote is approve or refuse' using errcode = 'TR508';
    end if;
    select p.* into v_proposal from public.proposals p
     where p.proposal_id = v_item.proposal_id
       and (v_voter.org_id is null or v_voter.org_id = p.org_id)
       for update;
    if not found then
      raise exception 'no such proposal' using errcode = 'TR505';
    end if;
    select v.* into v_vote from public.votes v
     where v.proposal_id = v_item.proposal_id and v.voter = v_login
     order by v.revision desc limit 1;
    -- Saying the same again changes nothing, before and after the decision.
    if found and v_vote.decision = v_item.decision
       and (v_vote.reason = v_item.reason or v_proposal.state <> 'open') then
      v_answers := v_answers || jsonb_build_object(
        'i', v_item.i, 'state', v_proposal.state, 'repeated', true);
      continue;
    end if;
    if v_proposal.state <> 'open' then
      raise exception 'the proposal was decided' using errcode = 'TR502';
    elsif v_proposal.expires_at <= clock_timestamp() then
      raise exception 'the proposal is over' using errcode = 'TR503';
    elsif v_proposal.proposed_by = v_login then
      raise exception 'nobody votes on a proposal of their own' using errcode = 'TR504';
    elsif not exists (
      select from governance.quorum_rules r
       where r.kind = v_proposal.kind
         and case v_voter.kind when 'human' then r.humans > 0
                               else v_voter.persona = any (r.electorate) end) then
      raise exception '% has no vote on this kind of proposal', v_login using errcode = 'TR501';
    end if;
    insert into public.votes
      (vote_id, proposal_id, voter, revision, voter_kind, decision, reason, sig, cast_at)
    values
      (coalesce(v_item.vote_id, bus.uuid7()), v_item.proposal_id, v_login,
       coalesce(v_vote.revision, 0) + 1, v_voter.kind, v_item.decision, v_item.reason,
       v_item.sig, clock_timestamp());
    v_answers := v_answers || jsonb_build_object(
      'i', v_item.i, 'state', governance.settle_proposal(v_item.proposal_id),
      'repeated', false);
  end loop;
  return v_answers;
end $$;
comment on function governance.cast_votes(jsonb) is
  'Cast the session''s votes, or change one''s mind before the decision; decide each proposal when its rule is met. TR501, TR509: no voter. TR502, TR503: decided, over. TR504: own. TR505: no such proposal. TR507: no reason. TR508: neither word.';
grant execute on function governance.cast_votes(jsonb)
  to risk_sentinel_agent, strategy_analyst_agent, execution_overseer_agent, compliance_agent,
     treasury_operator;
