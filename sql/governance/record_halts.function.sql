-- Exact: opening orders and attempts holds the same key shared until its commit. Whoever holds
-- it exclusively waits for those before it, and everyone after it sees the halt.
create or replace function governance.record_halts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_answer jsonb;
begin
  if exists (select from jsonb_to_recordset(p_items) as x(reason text)
              where btrim(coalesce(x.reason, '')) = '') then
    raise exception 'a halt needs a reason' using errcode = 'TR507';
  end if;
  perform pg_advisory_xact_lock(k.key)
     from (select distinct hashtextextended('halt/' || x.scope || '/' || x.scope_id, 0) as key
             from jsonb_to_recordset(p_items) as x(scope text, scope_id text)
            order by 1) k;
  -- A scope that stands halted stays so under its first halt.
  insert into governance.halts
    (halt_id, scope, scope_id, reason, cancel_working_orders, requested_by, halted_at)
  select distinct on (x.scope, x.scope_id)
         x.halt_id, x.scope, x.scope_id, x.reason, coalesce(x.cancel_working_orders, false),
         session_user, clock_timestamp()
    from jsonb_to_recordset(p_items) as x(
      i int, halt_id uuid, scope text, scope_id text, reason text,
      cancel_working_orders boolean)
   where not exists (select from governance.halts g
                      where g.lifted_at is null and g.scope = x.scope
                        and g.scope_id = x.scope_id)
   order by x.scope, x.scope_id, x.i
  on conflict (halt_id) do nothing;
  select coalesce(jsonb_agg(jsonb_build_object(
           'i', x.i, 'halt_id', g.halt_id, 'halted_at', g.halted_at,
           'repeated', g.halt_id <> x.halt_id)), '[]')
    into v_answer
    from jsonb_to_recordset(p_items) as x(i int, halt_id uuid, scope text, scope_id text)
    left join governance.halts g
      on g.lifted_at is null and g.scope = x.scope and g.scope_id = x.scope_id;
  return v_answer;
end $$;
comment on function governance.record_halts(jsonb) is
  'Halt scopes, in force with this transaction''s commit; a halted scope stays halted once. TR507: no reason.';
grant execute on function governance.record_halts(jsonb)
  to risk_sentinel_agent, desk_operator;
