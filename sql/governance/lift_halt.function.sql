create or replace function governance.lift_halt(p_proposal public.proposals) returns boolean
language plpgsql as $$
begin
  if not governance.record_event(p_proposal.proposal_id, 'executed', '{}') then
    return false;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('halt/' || g.scope || '/' || g.scope_id, 0))
     from governance.halts g where g.halt_id::text = p_proposal.subject;
  update governance.halts g
     set lifted_at = clock_timestamp(),
         lifted_by = coalesce(governance.acting_voter(), session_user),
         lift_proposal_id = p_proposal.proposal_id
   where g.halt_id::text = p_proposal.subject and g.lifted_at is null;
  return found;
end $$;
comment on function governance.lift_halt(public.proposals) is
  'Lift the halt that an approved proposal is about, once; false if that was done before. Called by other procedures only.';
