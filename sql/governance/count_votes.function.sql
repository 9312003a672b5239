-- The rule of each kind: how many humans and how many personas must approve. A refusing human
-- ends it; so does a refusal that leaves too few personas.
create or replace function governance.count_votes(p_proposal public.proposals) returns text
language plpgsql stable as $$
declare
  v_rule record;
  v_count record;
begin
  select r.humans, r.personas, r.electorate into v_rule
    from (values
      ('high_risk_intent', 1, 0, 3),
      ('halt', 0, 2, 3),
      ('lift_halt', 1, 2, 2),
      ('policy', 2, 2, 3),
      ('parameter', 1, 2, 3)
    ) as r(kind, humans, personas, electorate)
   where r.kind = p_proposal.kind;
  if not found then
    raise exception 'no rule for proposals of kind %', p_proposal.kind using errcode = 'TR510';
  end if;
  select count(*) filter (where v.voter_kind = 'human' and v.decision = 'approve') as human_yes,
         count(*) filter (where v.voter_kind = 'human' and v.decision = 'refuse') as human_no,
         count(*) filter (where y.counts and v.decision = 'approve') as persona_yes,
         count(*) filter (where y.counts and v.decision = 'refuse') as persona_no
    into v_count
    from public.votes v
    join governance.voters w on w.voter = v.voter
    cross join lateral (
      select v.voter_kind = 'persona' and w.persona = any (
        case p_proposal.kind when 'lift_halt' then array['risk_sentinel', 'compliance']
             else array['strategy_analyst', 'execution_overseer', 'risk_sentinel'] end)
        as counts) y
   where v.proposal_id = p_proposal.proposal_id;
  return case
    when v_count.human_no > 0 and v_rule.humans > 0 then 'refused'
    when v_rule.personas > 0 and v_count.persona_no > v_rule.electorate - v_rule.personas
      then 'refused'
    when v_count.human_yes >= v_rule.humans and v_count.persona_yes >= v_rule.personas
      then 'approved'
    else 'open' end;
end $$;
comment on function governance.count_votes(public.proposals) is
  'Say where a proposal stands by its votes. TR510: no rule for its kind. Called by other procedures only.';
