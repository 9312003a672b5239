-- The last vote of each voter counts, if the voter still is one. A refusing human ends what
-- needs humans; so does a refusal that leaves too few personas.
create or replace function governance.tally(p_proposal public.proposals) returns jsonb
language plpgsql stable as $$
declare
  v_rule governance.quorum_rules;
  v_count record;
begin
  select r.* into v_rule from governance.quorum_rules r where r.kind = p_proposal.kind;
  if not found then
    raise exception 'no rule for proposals of kind %', p_proposal.kind using errcode = 'TR510';
  end if;
  select count(*) filter (where y.human and y.approves) as human_yes,
         count(*) filter (where y.human and not y.approves) as human_no,
         count(*) filter (where y.persona and y.approves) as persona_yes,
         count(*) filter (where y.persona and not y.approves) as persona_no,
         coalesce(jsonb_agg(y.vote_id order by y.cast_at), '[]') as votes
    into v_count
    from (select distinct on (v.voter) v.vote_id, v.cast_at, v.decision = 'approve' as approves,
                 w.kind = 'human' and w.role_name = 'treasury_operator'
                   and w.org_id = p_proposal.org_id as human,
                 w.kind = 'persona' and w.persona = any (v_rule.electorate) as persona
            from public.votes v
            join governance.voters w on w.voter = v.voter and w.state = 'active'
           where v.proposal_id = p_proposal.proposal_id and v.voter <> p_proposal.proposed_by
           order by v.voter, v.revision desc) y;
  return jsonb_build_object(
    'rule', to_jsonb(v_rule) - 'why', 'votes', v_count.votes,
    'humans', jsonb_build_object('approve', v_count.human_yes, 'refuse', v_count.human_no),
    'personas', jsonb_build_object('approve', v_count.persona_yes,
                                   'refuse', v_count.persona_no),
    'outcome', case
      when v_rule.humans > 0 and v_count.human_no > 0 then 'refused'
      when v_rule.personas > 0
        and v_count.persona_no > cardinality(v_rule.electorate) - v_rule.personas
        then 'refused'
      when v_count.human_yes >= v_rule.humans and v_count.persona_yes >= v_rule.personas
        then 'complete'
      else 'open' end);
end $$;
comment on function governance.tally(public.proposals) is
  'Count a proposal''s votes under the rule of its kind: refused, complete or open. TR510: no rule. Called by other procedures only.';
