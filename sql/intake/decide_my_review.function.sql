create or replace function intake.decide_my_review() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- Whoever updates is whoever decides: nothing here runs with other rights than theirs.
  perform intake.decide_review(
    old.review_id,
    case new.decision when 'approve' then 'approved' when 'refuse' then 'refused'
                      else new.decision end,
    new.reason);
  return new;
end $$;
comment on function intake.decide_my_review() is
  'Trigger of my_reviews: an update is a decision, and is refused as intake.decide_review refuses it.';
