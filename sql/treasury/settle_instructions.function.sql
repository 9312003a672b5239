create or replace function treasury.settle_instructions(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_actor text := coalesce(governance.acting_voter(), session_user);
  v_held treasury.instructions;
  v_answers jsonb := '[]';
begin
  for v_item in
    select x.* from jsonb_to_recordset(p_items) as x(
      i int, proposal_id uuid, state text, reference text)
     order by x.proposal_id
  loop
    if v_item.state not in ('done', 'withdrawn') or btrim(coalesce(v_item.reference, '')) = '' then
      raise exception 'done or withdrawn, and a reference to what shows it'
        using errcode = 'TR507';
    end if;
    select n.* into v_held from treasury.instructions n
     where n.proposal_id = v_item.proposal_id
       for update;
    if not found or v_held.org_id <> all (ops.readable_organizations())
                    and not ops.reads_everything() then
      raise exception 'no such instruction' using errcode = 'TR505';
    elsif v_held.state = 'pending' then
      update treasury.instructions n
         set state = v_item.state, reference = v_item.reference, settled_by = v_actor,
             settled_at = clock_timestamp()
       where n.proposal_id = v_item.proposal_id
      returning n.* into v_held;
    elsif (v_held.state, v_held.reference) is distinct from (v_item.state, v_item.reference) then
      raise exception 'the instruction ended before' using errcode = 'TR502';
    end if;
    v_answers := v_answers || jsonb_build_object(
      'i', v_item.i, 'proposal_id', v_held.proposal_id, 'state', v_held.state,
      'reference', v_held.reference, 'settled_by', v_held.settled_by);
  end loop;
  return v_answers;
end $$;
comment on function treasury.settle_instructions(jsonb) is
  'Say that instructions were carried out or withdrawn, with a reference; once. TR505: none. TR502: it ended otherwise. TR507: no reference.';
grant execute on function treasury.settle_instructions(jsonb) to desk_operator, treasury_operator;
