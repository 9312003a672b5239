-- The row is locked first: however many vote, sweep or race, one of them decides.
create or replace function governance.settle_proposal(p_proposal_id uuid) returns text
language plpgsql as $$
declare
  v_proposal public.proposals;
  v_tally jsonb;
  v_checks jsonb;
  v_decision text;
begin
  select p.* into v_proposal from public.proposals p
   where p.proposal_id = p_proposal_id for update;
  if v_proposal.state <> 'open' then
    return v_proposal.state;
  end if;
  v_tally := governance.tally(v_proposal);
  if v_proposal.expires_at <= clock_timestamp() then
    v_decision := 'expired';
  elsif v_tally ->> 'outcome' = 'complete' then
    v_checks := governance.check_automatically(v_proposal);
    v_decision := case when exists (select from jsonb_each(v_checks) c where c.value <> 'true')
                       then 'refused' else 'approved' end;
  elsif v_tally ->> 'outcome' = 'refused' then
    v_decision := 'refused';
  else
    return 'open';
  end if;
  if governance.record_event(
       p_proposal_id, v_decision,
       v_tally || jsonb_build_object('checks', coalesce(v_checks, '{}'))) then
    perform governance.follow_decision(v_proposal, v_decision);
  end if;
  return v_decision;
end $$;
comment on function governance.settle_proposal(uuid) is
  'Decide a proposal if its rule is met, it was refused or its time is over; do what follows. Called by other procedures only.';
