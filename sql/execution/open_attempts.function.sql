-- The last gate before a venue, and the row that makes sending safe to repeat: the attempt is
-- committed before anything is sent, and the venue's client id derives from it. An order whose
-- attempt has no answer gets that same attempt back with the state `resolve`: the caller asks
-- the venue and never sends again. Nothing is opened without the account's lease.
create or replace function execution.open_attempts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = ''
  -- A few rows by their keys out of tables that grow while sessions live: plans made when the
  -- tables were small must not scan them later.
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_asked jsonb;
  v_verdicts jsonb;
begin
  select coalesce(jsonb_agg(jsonb_build_object(
           'i', x.i, 'worker_id', x.worker_id,
           'attempt_id', x.attempt_id, 'inquiry_id', x.inquiry_id,
           'order_id', o.order_id, 'account_id', o.account_id) order by x.i), '[]')
    into v_asked
    from jsonb_to_recordset(p_items) as x(
      i int, worker_id uuid, order_id uuid, attempt_id uuid, inquiry_id uuid)
    left join execution.attempts a on a.inquiry_id = x.inquiry_id
    left join public.orders o on o.order_id = coalesce(x.order_id, a.order_id);

  -- Locks in a fixed order: halts, accounts, orders. Recording a halt takes its scope
  -- exclusively, so nothing that was opened before it is committed after it.
  perform execution.lock_halts(v_asked);
  perform execution.own_accounts(v_asked);
  perform from (
    select o.order_id from public.orders o
     where o.order_id in (select (x ->> 'order_id')::uuid from jsonb_array_elements(v_asked) x)
     order by o.account_id, o.order_id
       for update) locked;

  v_verdicts := execution.judge_attempts(v_asked, v_now);

  insert into execution.attempts
    (attempt_id, order_id, client_order_id, magic, account_id, worker_id, account_epoch, state,
     opened_at)
  select v.attempt_id, v.order_id,
         -- Twenty characters of the id: they fit every venue's comment. The low 63 bits are
         -- the magic number.
         right(replace(v.attempt_id::text, '-', ''), 20),
         ('x' || right(replace(v.attempt_id::text, '-', ''), 16))::bit(64)::bigint
           & 9223372036854775807,
         v.account_id, v.worker_id, v.epoch, 'open', v_now
    from jsonb_to_recordset(v_verdicts) as v(
      state text, attempt_id uuid, order_id uuid, account_id text, worker_id uuid, epoch bigint)
   where v.state = 'opened';

  -- An attempt of an earlier life belongs to whoever owns the account now.
  update execution.attempts a
     set worker_id = v.worker_id, account_epoch = v.epoch
    from jsonb_to_recordset(v_verdicts) as v(
      state text, attempt_id uuid, worker_id uuid, epoch bigint)
   where v.state in ('resolve', 'sync') and a.attempt_id = v.attempt_id
     and a.account_epoch is distinct from v.epoch;

  perform execution.move_orders((
    select coalesce(jsonb_agg(jsonb_build_object(
             'order_id', v.order_id, 'to_status', v.to_status, 'code', v.code,
             'message', v.message,
             'detail', jsonb_build_object('attempt_id', v.attempt_id))), '[]')
      from jsonb_to_recordset(v_verdicts) as v(
        order_id uuid, to_status text, code text, message text, attempt_id uuid)
     where v.to_status is not null), 'execution', v_now);
  perform execution.close_orders(array(
    select v.order_id from jsonb_to_recordset(v_verdicts) as v(order_id uuid, state text)
     where v.state = 'refused' and v.order_id is not null), '[]', 'execution', v_now);

  return execution.attempt_orders(v_verdicts, v_now);
end $$;
comment on function execution.open_attempts(jsonb) is
  'Open one attempt per order, or say why not: opened, resolve (ask the venue), sync, answered, refused with a TR code. TR405: another worker owns the account.';
grant execute on function execution.open_attempts(jsonb) to execution_agent;
