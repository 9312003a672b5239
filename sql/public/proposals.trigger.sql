create or replace trigger proposals_guarded
  before insert or update on public.proposals
  for each row execute function governance.guard_proposal();

create or replace trigger proposals_stay
  before delete on public.proposals
  for each row execute function ops.refuse_change();

create or replace trigger proposals_told
  after insert on public.proposals
  for each row execute function governance.open_event();
