create or replace function execution.activate_venue_model(p_proposal public.proposals)
returns boolean
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('execution.venue_models', 0));
  -- It was judged against one model: beside another the evidence says nothing.
  if not governance.subject_stands(p_proposal) then
    return false;
  end if;
  update execution.venue_models set state = 'retired' where state = 'active';
  update execution.venue_models
     set state = 'active', activated_at = clock_timestamp(), proposal_id = p_proposal.proposal_id
   where model = p_proposal.subject;
  perform governance.record_event(p_proposal.proposal_id, 'executed', '{}');
  return true;
end $$;
comment on function execution.activate_venue_model(public.proposals) is
  'Let venues be chosen by the model of a passed proposal; false if it no longer stands as it was voted on. Called by other procedures only.';
