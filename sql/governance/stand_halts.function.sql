-- Exact: opening orders and attempts holds the same key shared until its commit. Whoever holds
-- it exclusively waits for those before it, and everyone after it sees the halt.
create or replace function governance.stand_halts(p_items jsonb) returns jsonb
language plpgsql as $$
declare
  v_stood uuid[];
  v_orders int;
begin
  if exists (select from jsonb_to_recordset(p_items) as x(reason text)
              where btrim(coalesce(x.reason, '')) = '') then
    raise exception 'a halt needs a reason' using errcode = 'TR507';
  elsif exists (select from jsonb_to_recordset(p_items) as x(scope text, scope_id text)
                 where not governance.scope_exists(x.scope, x.scope_id)) then
    raise exception 'there is nothing of that scope and name' using errcode = 'TR515';
  end if;
  perform pg_advisory_xact_lock(k.key)
     from (select distinct hashtextextended('halt/' || x.scope || '/' || x.scope_id, 0) as key
             from jsonb_to_recordset(p_items) as x(scope text, scope_id text)
            order by 1) k;
  -- A scope that stands halted stays so under its first halt.
  with stood as (
    insert into governance.halts
      (halt_id, scope, scope_id, cause, reason, detail, cancel_working_orders, requested_by,
       halted_at)
    select distinct on (x.scope, x.scope_id)
           coalesce(x.halt_id, bus.uuid7()), x.scope, x.scope_id, x.cause, x.reason,
           coalesce(x.detail, '{}'), coalesce(x.cancel_working_orders, false),
           coalesce(governance.acting_voter(), session_user), clock_timestamp()
      from jsonb_to_recordset(p_items) as x(
        i int, halt_id uuid, scope text, scope_id text, cause text, reason text, detail jsonb,
        cancel_working_orders boolean)
     where not exists (select from governance.halts g
                        where g.lifted_at is null and g.scope = x.scope
                          and g.scope_id = x.scope_id)
     order by x.scope, x.scope_id, x.i
    on conflict do nothing
    returning halt_id, cancel_working_orders
  )
  select array_agg(s.halt_id) filter (where s.cancel_working_orders) into v_stood from stood s;
  v_orders := governance.cancel_working(coalesce(v_stood, '{}'));
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i, 'halt_id', g.halt_id, 'halted_at', g.halted_at,
             'orders_cancelled', case when g.halt_id = any (v_stood) then v_orders else 0 end,
             'repeated', x.halt_id is not null and g.halt_id <> x.halt_id)), '[]')
      from jsonb_to_recordset(p_items) as x(i int, halt_id uuid, scope text, scope_id text)
      left join governance.halts g
        on g.lifted_at is null and g.scope = x.scope and g.scope_id = x.scope_id);
end $$;
comment on function governance.stand_halts(jsonb) is
  'Halt scopes, in force with this transaction''s commit; a halted scope stays halted once. TR507: no reason. TR515: no such scope. Called by other procedures only.';
