create or replace function governance.subject_stands(p_proposal public.proposals)
returns boolean
language plpgsql stable as $$
begin
  -- Whose people voted must be whose subject it is, whoever opened the proposal.
  if governance.subject_organization(p_proposal.kind, p_proposal.subject, p_proposal.payload)
       <> p_proposal.org_id then
    return false;
  end if;
  return case p_proposal.kind
    when 'high_risk_intent' then exists (
      select from public.intents n
       where n.intent_id::text = p_proposal.subject and n.state = 'awaiting_vote')
    when 'lift_halt' then exists (
      select from governance.halts g
       where g.halt_id::text = p_proposal.subject and g.lifted_at is null)
    when 'halt' then governance.scope_exists(
      p_proposal.payload ->> 'scope', p_proposal.payload ->> 'scope_id')
    when 'policy' then not exists (
      select from risk.policies p
       where p.active and (p.policy_hash = p_proposal.subject
                           or p.policy_hash <> p_proposal.payload ->> 'before'))
    when 'go_live' then exists (
      select from public.accounts a
       where a.account_id = p_proposal.subject and a.org_id = p_proposal.org_id
         and a.mode <> 'live')
    when 'weights' then exists (
      select from intake.scoring_weights w
       where w.weights_version = p_proposal.subject and w.state <> 'active'
         and w.line = p_proposal.payload ->> 'line')
    -- Judged beside the model that is still in force, by what stands on record of it.
    when 'venue_model' then exists (
      select from execution.venue_models m
       where m.model = p_proposal.subject and m.state <> 'active'
         and m.evaluation = p_proposal.evidence
         and m.evaluation ->> 'active' is not distinct from (
               select a.model from execution.venue_models a where a.state = 'active'))
    when 'end_cooldown' then exists (
      select from risk.cooldowns c
       where c.cooldown_id::text = p_proposal.subject and c.ended_at is null)
    when 'promote_shadow' then risk.derived_pack(p_proposal) is not null
    when 'parameter' then
      coalesce(p_proposal.payload ->> 'parameter', '') not like 'routing.%'
      or risk.derived_pack(p_proposal) is not null
    else true end;
end $$;
comment on function governance.subject_stands(public.proposals) is
  'Tell whether what a proposal is about is still as it was when proposed. Called by other procedures only.';
