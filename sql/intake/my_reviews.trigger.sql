create or replace trigger my_reviews_decided
  instead of update on intake.my_reviews
  for each row execute function intake.decide_my_review();
