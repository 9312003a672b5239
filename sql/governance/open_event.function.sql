create or replace function governance.open_event() returns trigger
language plpgsql set search_path = '' as $$
begin
  insert into public.proposal_events
    (event_id, proposal_id, event, recorded_by, detail, recorded_at)
  values (bus.uuid7(), new.proposal_id, 'opened', new.proposed_by, '{}', new.opened_at);
  return null;
end $$;
comment on function governance.open_event() is
  'Trigger of proposals: each begins with an event that says so.';
