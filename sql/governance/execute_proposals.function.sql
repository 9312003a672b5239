-- Whoever carries out a passed proposal takes it first, in the transaction that carries it out.
create or replace function governance.execute_proposals(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_proposal public.proposals;
  v_taken boolean;
  v_answers jsonb := '[]';
begin
  for v_item in
    select x.* from jsonb_to_recordset(p_items) as x(i int, proposal_id uuid)
     order by x.proposal_id
  loop
    select p.* into v_proposal from public.proposals p
     where p.proposal_id = v_item.proposal_id and ops.acts_for(p.org_id) for update;
    if not found then
      raise exception 'no such proposal' using errcode = 'TR505';
    elsif v_proposal.state not in ('approved', 'executed') then
      raise exception 'the proposal has not passed' using errcode = 'TR512';
    end if;
    if v_proposal.kind = 'lift_halt' then
      v_taken := governance.lift_halt(v_proposal);
    elsif v_proposal.kind = 'go_live' then
      v_taken := governance.go_live(v_proposal);
    elsif v_proposal.kind = 'end_cooldown' then
      v_taken := v_proposal.state = 'approved';
      if v_taken then
        perform risk.end_cooldowns(jsonb_build_array(jsonb_build_object(
          'i', 0, 'cooldown_id', v_proposal.subject)));
      end if;
    elsif v_proposal.kind in ('buyback', 'mint') then
      v_taken := treasury.instruct(v_proposal);
      if not v_taken and v_proposal.state = 'approved' then
        raise exception 'what was voted on is no longer as it was' using errcode = 'TR512';
      end if;
    elsif v_proposal.kind = 'promote_shadow'
          or v_proposal.kind = 'parameter'
             and v_proposal.payload ->> 'parameter' like 'routing.%' then
      v_taken := risk.follow_routing(v_proposal.proposal_id);
      if not v_taken and v_proposal.state = 'approved' then
        raise exception 'what was voted on is no longer as it was' using errcode = 'TR512';
      end if;
    else
      v_taken := governance.record_event(v_proposal.proposal_id, 'executed', '{}');
    end if;
    v_answers := v_answers || jsonb_build_object(
      'i', v_item.i, 'kind', v_proposal.kind, 'subject', v_proposal.subject,
      'payload', v_proposal.payload, 'repeated', not v_taken);
  end loop;
  return v_answers;
end $$;
comment on function governance.execute_proposals(jsonb) is
  'Take passed proposals for execution; of all who ask, one is told repeated = false. TR505: no such proposal. TR512: it has not passed, or no longer fits. TR517: the account is not flat.';
grant execute on function governance.execute_proposals(jsonb) to desk_operator;
