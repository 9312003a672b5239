create or replace function intake.fix_weights() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'DELETE' or (new.weights_version, new.line, new.fit, new.created_at, new.created_by)
     is distinct from (old.weights_version, old.line, old.fit, old.created_at, old.created_by) then
    raise exception 'a version of the weights stays as it was made' using errcode = '0A000';
  end if;
  return new;
end $$;
comment on function intake.fix_weights() is
  'Trigger of scoring_weights: decisions name a version, so only its state moves.';
