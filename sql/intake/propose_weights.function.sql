create or replace function intake.propose_weights(
  p_proposal_id uuid, p_org_id text, p_line text, p_fit jsonb)
returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_version text := split_part(p_line, ';', 1);
  v_held intake.scoring_weights;
begin
  insert into intake.scoring_weights (weights_version, line, fit, created_by)
  values (v_version, p_line, p_fit, governance.acting_voter())
  on conflict (weights_version) do nothing;
  select w.* into v_held from intake.scoring_weights w where w.weights_version = v_version;
  if v_held.line <> p_line then
    raise exception 'this version is of other weights' using errcode = 'TR510';
  end if;
  return (governance.open_proposals(jsonb_build_array(jsonb_build_object(
    'i', 0, 'proposal_id', p_proposal_id, 'org_id', p_org_id, 'kind', 'weights',
    'subject', v_version, 'payload', jsonb_build_object('line', p_line),
    'evidence', v_held.fit))) #>> '{0,proposal_id}')::uuid;
end $$;
comment on function intake.propose_weights(uuid, text, text, jsonb) is
  'Keep a version of the weights as candidate and ask the voters to put it in force; an older one again takes it back. TR510: the version is of other weights.';
grant execute on function intake.propose_weights(uuid, text, text, jsonb) to desk_operator;
