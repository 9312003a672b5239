-- Who rests is re-enabled by time, or early by votes: a passed proposal of kind `end_cooldown` whose
-- subject is the id.
create or replace function risk.end_cooldowns(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_proposal_id uuid;
begin
  for v_item in
    select c.cooldown_id
      from risk.cooldowns c
     where c.cooldown_id in (select x.cooldown_id
                               from jsonb_to_recordset(p_items) as x(cooldown_id uuid))
       and c.ended_at is null
     order by c.cooldown_id
       for update
  loop
    select p.proposal_id into v_proposal_id
      from public.proposals p
     where p.kind = 'end_cooldown' and p.subject = v_item.cooldown_id::text
       and p.state = 'approved'
     limit 1
       for update;
    if not found then
      raise exception 'cooldown % is ended by a passed proposal only', v_item.cooldown_id
        using errcode = 'TR512';
    end if;
    perform governance.record_event(v_proposal_id, 'executed', '{}');
    update risk.cooldowns c
       set ended_at = clock_timestamp(), ended_by = session_user, proposal_id = v_proposal_id
     where c.cooldown_id = v_item.cooldown_id;
  end loop;
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'ended_at', c.ended_at, 'ended_by', c.ended_by)), '[]')
            from jsonb_to_recordset(p_items) as x(i int, cooldown_id uuid)
            left join risk.cooldowns c
              on c.cooldown_id = x.cooldown_id
             and (c.scope = 'venue'
                  or ops.acts_for(governance.scope_organization(c.scope, c.scope_id))));
end $$;
comment on function risk.end_cooldowns(jsonb) is
  'Re-enable strategies and venues before their time, each by its passed proposal. TR512: none passed.';
grant execute on function risk.end_cooldowns(jsonb) to desk_operator;
