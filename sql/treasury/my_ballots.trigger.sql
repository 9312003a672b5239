create or replace trigger my_ballots_cast
  instead of update on treasury.my_ballots
  for each row execute function treasury.cast_my_ballot();
