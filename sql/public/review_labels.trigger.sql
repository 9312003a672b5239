create or replace trigger review_labels_stays
  before update or delete on public.review_labels
  for each row execute function ops.refuse_change();

create or replace trigger review_labels_stays_whole
  before truncate on public.review_labels
  for each statement execute function ops.refuse_change();
