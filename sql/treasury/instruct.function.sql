-- From here on the cash is spoken for; people carry the instruction out and say so.
create or replace function treasury.instruct(p_proposal public.proposals) returns boolean
language plpgsql as $$
begin
  -- Two buy-backs do not pass on the same reserves.
  perform pg_advisory_xact_lock(hashtextextended('treasury/' || p_proposal.org_id, 0));
  if exists (select from jsonb_each(governance.check_automatically(p_proposal)) c
              where c.value <> 'true') then
    return false;
  end if;
  if not governance.record_event(p_proposal.proposal_id, 'executed', '{}') then
    return false;
  end if;
  insert into treasury.instructions (proposal_id, org_id, kind, currency, amount, instructed_at)
  values (p_proposal.proposal_id, p_proposal.org_id, p_proposal.kind,
          p_proposal.payload ->> 'currency', (p_proposal.payload ->> 'amount')::numeric,
          clock_timestamp());
  return true;
end $$;
comment on function treasury.instruct(public.proposals) is
  'Make a passed buy-back or mint an instruction, once, if its checks still hold. Called by other procedures only.';
