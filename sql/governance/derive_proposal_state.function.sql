create or replace function governance.derive_proposal_state() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.event <> 'opened' then
    update public.proposals p
       set state = new.event, decided_at = coalesce(p.decided_at, new.recorded_at)
     where p.proposal_id = new.proposal_id;
  end if;
  return null;
end $$;
comment on function governance.derive_proposal_state() is
  'Trigger of proposal_events: a proposal''s state is its last event.';
