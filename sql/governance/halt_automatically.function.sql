-- Halting needs no quorum: whoever watches a thing may stop the desk for it. Each cause names
-- the roles whose word is enough.
create or replace function governance.halt_automatically(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_refused text;
begin
  select x.cause into v_refused
    from jsonb_to_recordset(p_items) as x(cause text)
    left join governance.halt_causes c on c.cause = x.cause
   where not coalesce(
     pg_has_role(session_user, 'desk_owner', 'member')
     or exists (select from unnest(c.callers) r(name)
                 where pg_has_role(session_user, r.name, 'member')), false)
      or c.cause is null
   limit 1;
  if found then
    raise exception '% does not halt for %', session_user, v_refused using errcode = 'TR516';
  end if;
  perform governance.may_halt(p_items);
  return governance.stand_halts((
    select coalesce(jsonb_agg(
             jsonb_build_object('cancel_working_orders', c.cancel_working_orders)
             || jsonb_strip_nulls(e.item)), '[]')
      from jsonb_array_elements(p_items) e(item)
      join governance.halt_causes c on c.cause = e.item ->> 'cause'));
end $$;
comment on function governance.halt_automatically(jsonb) is
  'Halt a scope for a cause of governance.halt_causes. TR507: no reason. TR515: no such scope. TR516: not this session''s cause.';
grant execute on function governance.halt_automatically(jsonb)
  to risk_sentinel_agent, supervisor_agent, auditor, desk_operator;
