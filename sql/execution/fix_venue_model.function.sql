create or replace function execution.fix_venue_model() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'DELETE' or (new.model, new.body, new.rows, new.evaluation, new.learned_at)
     is distinct from (old.model, old.body, old.rows, old.evaluation, old.learned_at) then
    raise exception 'a model of venues stays as it was learned' using errcode = '0A000';
  end if;
  return new;
end $$;
comment on function execution.fix_venue_model() is
  'Trigger of venue_models: choices name a model, and votes its evaluation, so only its state moves.';
