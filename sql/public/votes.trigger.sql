create or replace trigger votes_stays
  before update or delete on public.votes
  for each row execute function ops.refuse_change();

create or replace trigger votes_stays_whole
  before truncate on public.votes
  for each statement execute function ops.refuse_change();
