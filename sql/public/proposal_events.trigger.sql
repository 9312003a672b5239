create or replace trigger proposal_events_derived
  after insert on public.proposal_events
  for each row execute function governance.derive_proposal_state();

create or replace trigger proposal_events_stays
  before update or delete on public.proposal_events
  for each row execute function ops.refuse_change();

create or replace trigger proposal_events_stays_whole
  before truncate on public.proposal_events
  for each statement execute function ops.refuse_change();
