create or replace function treasury.cast_my_ballot() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- Whoever updates is whoever votes: nothing here runs with other rights than theirs.
  perform governance.cast_votes(jsonb_build_array(jsonb_build_object(
    'i', 0, 'proposal_id', old.proposal_id, 'decision', new.decision, 'reason', new.reason)));
  return new;
end $$;
comment on function treasury.cast_my_ballot() is
  'Trigger of treasury.my_ballots: an update is a vote, and is refused as governance.cast_votes refuses it.';
