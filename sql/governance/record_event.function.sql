-- One step, once: two unique indexes say that a proposal is decided once and executed once.
create or replace function governance.record_event(
  p_proposal_id uuid, p_event text, p_detail jsonb) returns boolean
language plpgsql as $$
begin
  insert into public.proposal_events
    (event_id, proposal_id, event, recorded_by, detail, recorded_at)
  values
    (bus.uuid7(), p_proposal_id, p_event, coalesce(governance.acting_voter(), session_user),
     p_detail, clock_timestamp())
  on conflict do nothing;
  return found;
end $$;
comment on function governance.record_event(uuid, text, jsonb) is
  'Record a step of a proposal; false if it was taken before. Called by other procedures only.';
