create or replace function ops.judge_structures(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_actor text := coalesce(governance.acting_voter(), session_user);
begin
  if exists (select from jsonb_to_recordset(p_items) as x(reason text)
              where btrim(coalesce(x.reason, '')) = '') then
    raise exception 'a verdict needs a reason' using errcode = 'TR507';
  end if;
  update public.structures s
     set verdict = x.verdict, judged_by = v_actor, judged_reason = x.reason,
         judged_at = clock_timestamp()
    from jsonb_to_recordset(p_items) as x(structure_id uuid, verdict text, reason text)
   where s.structure_id = x.structure_id;
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'known', s.structure_id is not null)), '[]')
            from jsonb_to_recordset(p_items) as x(i int, structure_id uuid)
            left join public.structures s on s.structure_id = x.structure_id);
end $$;
comment on function ops.judge_structures(jsonb) is
  'Keep a person''s word on structures that were flagged: sound or odd. TR507: no reason.';
grant execute on function ops.judge_structures(jsonb) to desk_operator;
