create or replace function intake.activate_weights(p_proposal public.proposals) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  -- What voters read is what comes into force: a line that differs is not what passed.
  perform from intake.scoring_weights w
    where w.weights_version = p_proposal.subject and w.state <> 'active'
      and w.line = p_proposal.payload ->> 'line'
      for update;
  if not found then
    return false;
  end if;
  update intake.scoring_weights set state = 'retired' where state = 'active';
  update intake.scoring_weights
     set state = 'active', activated_at = clock_timestamp(), proposal_id = p_proposal.proposal_id
   where weights_version = p_proposal.subject;
  perform governance.record_event(p_proposal.proposal_id, 'executed', '{}');
  return true;
end $$;
comment on function intake.activate_weights(public.proposals) is
  'Put the weights of a passed proposal in force; false if they are not those that were voted on. Called by other procedures only.';
