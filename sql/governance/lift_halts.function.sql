-- Lifting is nobody's own decision: the proposal carries the votes. The last of them lifts the
-- halt at once; this is for who wants to be sure of it.
create or replace function governance.lift_halts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_missing uuid;
  v_proposal public.proposals;
begin
  select x.halt_id into v_missing
    from jsonb_to_recordset(p_items) as x(halt_id uuid)
    left join governance.halts g
      on g.halt_id = x.halt_id and g.lifted_at is null
     and (g.scope in ('platform', 'venue', 'instrument')
          or ops.acts_for(governance.scope_organization(g.scope, g.scope_id)))
   where g.halt_id is null limit 1;
  if found then
    raise exception 'halt % does not stand', v_missing using errcode = 'TR513';
  end if;
  select x.halt_id into v_missing
    from jsonb_to_recordset(p_items) as x(halt_id uuid)
   where not exists (
     select from public.proposals p
      where p.kind = 'lift_halt' and p.subject = x.halt_id::text and p.state = 'approved')
   limit 1;
  if found then
    raise exception 'halt % needs a passed proposal to be lifted', v_missing
      using errcode = 'TR512';
  end if;
  for v_proposal in
    select p.* from public.proposals p
     where p.kind = 'lift_halt' and p.state = 'approved'
       and p.subject in (select x.halt_id::text
                           from jsonb_to_recordset(p_items) as x(halt_id uuid))
     order by p.proposal_id
       for update
  loop
    perform governance.lift_halt(v_proposal);
  end loop;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'lifted', true)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function governance.lift_halts(jsonb) is
  'Lift halts whose proposals passed. TR512: no passed proposal. TR513: no such standing halt.';
grant execute on function governance.lift_halts(jsonb) to desk_operator;
