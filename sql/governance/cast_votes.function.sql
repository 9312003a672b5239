-- Who votes is who logged in. One vote per voter, never on a proposal of one's own, never after
-- the decision. The proposal's row is locked: however many vote at once, it is decided once.
create or replace function governance.cast_votes(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_claims jsonb := case when session_user in ('desk_api', 'authenticator')
    then nullif(current_setting('request.jwt.claims', true), '')::jsonb end;
  v_login text := case when session_user in ('desk_api', 'authenticator')
    then v_claims ->> 'sub' else session_user::text end;
  v_voter governance.voters;
  v_item record;
  v_proposal public.proposals;
  v_vote public.votes;
  v_state text;
  v_answers jsonb := '[]';
begin
  select v.* into v_voter from governance.voters v where v.voter = v_login;
  if not found then
    raise exception 'this session may not vote' using errcode = 'TR509';
  elsif v_voter.state <> 'active' then
    raise exception '% has no vote', v_login using errcode = 'TR501';
  end if;
  for v_item in
    select x.* from jsonb_to_recordset(p_items) as x(
      i int, vote_id uuid, proposal_id uuid, decision text, reason text, sig text)
     order by x.proposal_id
  loop
    if btrim(coalesce(v_item.reason, '')) = '' then
      raise exception 'a vote needs a reason' using errcode = 'TR507';
    end if;
    select p.* into v_proposal from public.proposals p
     where p.proposal_id = v_item.proposal_id
       and (v_voter.org_id is null or v_voter.org_id = p.org_id)
       for update;
    if not found then
      raise exception 'no such proposal' using errcode = 'TR505';
    end if;
    select v.* into v_vote from public.votes v
     where v.proposal_id = v_item.proposal_id and v.voter = v_login;
    if found then
      if v_vote.decision is distinct from v_item.decision then
        raise exception '% voted before', v_login using errcode = 'TR506';
      end if;
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
    end if;
    insert into public.votes
      (vote_id, proposal_id, voter, voter_kind, decision, reason, sig, cast_at)
    values
      (coalesce(v_item.vote_id, bus.uuid7()), v_item.proposal_id, v_login, v_voter.kind,
       v_item.decision, v_item.reason, v_item.sig, clock_timestamp());
    v_state := governance.count_votes(v_proposal);
    if v_state <> 'open' then
      update public.proposals p set state = v_state, decided_at = clock_timestamp()
       where p.proposal_id = v_proposal.proposal_id;
      perform governance.follow_decision(v_proposal, v_state);
    end if;
    v_answers := v_answers || jsonb_build_object(
      'i', v_item.i, 'state', v_state, 'repeated', false);
  end loop;
  return v_answers;
end $$;
comment on function governance.cast_votes(jsonb) is
  'Cast the session''s votes, and decide each proposal when its rule is met. TR501, TR509: no voter. TR502, TR503: decided, over. TR504: own. TR506: voted before. TR507: no reason.';
grant execute on function governance.cast_votes(jsonb)
  to risk_sentinel_agent, strategy_analyst_agent, execution_overseer_agent, compliance_agent,
     treasury_operator, desk_api;
