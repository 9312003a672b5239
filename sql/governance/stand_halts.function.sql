-- Exact: opening orders and attempts holds the same key shared until its commit. Whoever holds
-- it exclusively waits for those before it, and everyone after it sees the halt. Nobody opens for
-- long: whoever sits on a key to keep a halt away is waited for a moment and then halted past.
create or replace function governance.stand_halts(p_items jsonb) returns jsonb
language plpgsql as $$
declare
  v_patience text := current_setting('lock_timeout');
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
  begin
    perform set_config('lock_timeout', '3s', true);
    perform pg_advisory_xact_lock(k.key)
       from (select distinct hashtextextended('halt/' || x.scope || '/' || x.scope_id, 0) as key
               from jsonb_to_recordset(p_items) as x(scope text, scope_id text)
              order by 1) k;
    perform set_config('lock_timeout', v_patience, true);
  exception when lock_not_available then
    raise warning 'halted without waiting for a session that holds the scope';
  end;
  -- A scope that stands halted stays so under its first halt, whose orders a later one may
  -- have cancelled as well.
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
  with harder as (
    update governance.halts g
       set cancel_working_orders = true,
           detail = g.detail || jsonb_build_object('cancelled_for', jsonb_build_object(
             'cause', x.cause, 'reason', x.reason, 'at', clock_timestamp(),
             'by', coalesce(governance.acting_voter(), session_user)))
      from (select distinct on (y.scope, y.scope_id) y.*
              from jsonb_to_recordset(p_items) as y(
                i int, scope text, scope_id text, cause text, reason text,
                cancel_working_orders boolean)
             where y.cancel_working_orders
             order by y.scope, y.scope_id, y.i) x
     where g.scope = x.scope and g.scope_id = x.scope_id and g.lifted_at is null
       and not g.cancel_working_orders
    returning g.halt_id
  )
  select v_stood || array_agg(h.halt_id) into v_stood from harder h;
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
