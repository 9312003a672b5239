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
  v_item jsonb;
  v_id uuid;
  v_account text;
  v_ids uuid[] := '{}';
  v_items jsonb[] := '{}';
  v_asked jsonb;
  v_verdicts jsonb;
  v_verdict jsonb;
  v_inquired boolean := false;
  v_opened boolean := false;
  v_surveys boolean := false;
  v_moves jsonb[] := '{}';
  v_refused uuid[] := '{}';
  v_looked_at uuid[] := '{}';
begin
  for nr in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> nr;
    v_id := (v_item ->> 'order_id')::uuid;
    if v_item ? 'reconciliation_id' then
      v_surveys := true;
      select r.account_id into v_account from execution.reconciliations r
       where r.reconciliation_id = (v_item ->> 'reconciliation_id')::uuid;
    else
      if v_id is null then
        v_inquired := true;
        select a.order_id into v_id
          from execution.attempts a where a.inquiry_id = (v_item ->> 'inquiry_id')::uuid;
      end if;
      select o.order_id, o.account_id into v_id, v_account
        from public.orders o where o.order_id = v_id;
    end if;
    v_ids := array_append(v_ids, v_id);
    v_items := array_append(v_items, jsonb_build_object(
      'i', v_item -> 'i', 'worker_id', v_item -> 'worker_id',
      'attempt_id', v_item -> 'attempt_id', 'inquiry_id', v_item -> 'inquiry_id',
      'reconciliation_id', v_item -> 'reconciliation_id',
      'order_id', v_id, 'account_id', v_account));
  end loop;
  v_asked := to_jsonb(v_items);

  -- Locks in a fixed order: halts, accounts, orders. Recording a halt takes its scope
  -- exclusively, so nothing that was opened before it is committed after it.
  perform execution.lock_halts(v_asked);
  perform execution.own_accounts(v_asked);
  perform from (
    select o.order_id from public.orders o
     where o.order_id = any (v_ids)
     order by o.account_id, o.order_id
       for update) locked;

  if v_inquired then
    perform execution.renew_working(v_ids, v_now);
  end if;
  v_verdicts := execution.judge_attempts(v_asked, v_now);
  for nr in 0 .. jsonb_array_length(v_verdicts) - 1 loop
    v_verdict := v_verdicts -> nr;
    if v_verdict ->> 'state' = 'opened' then
      v_opened := true;
    elsif v_verdict ->> 'state' in ('resolve', 'sync') then
      if v_verdict ->> 'state' = 'sync' then
        v_looked_at := array_append(v_looked_at, (v_verdict ->> 'order_id')::uuid);
      end if;
      -- An attempt of an earlier life belongs to whoever owns the account now.
      update execution.attempts a
         set worker_id = (v_verdict ->> 'worker_id')::uuid,
             account_epoch = (v_verdict ->> 'epoch')::bigint
       where a.attempt_id = (v_verdict ->> 'attempt_id')::uuid
         and a.account_epoch is distinct from (v_verdict ->> 'epoch')::bigint;
    elsif v_verdict ->> 'state' = 'refused' and v_verdict ->> 'order_id' is not null then
      v_refused := array_append(v_refused, (v_verdict ->> 'order_id')::uuid);
    end if;
    if v_verdict ->> 'to_status' is not null then
      v_moves := array_append(v_moves, jsonb_build_object(
        'order_id', v_verdict -> 'order_id', 'to_status', v_verdict -> 'to_status',
        'code', v_verdict -> 'code', 'message', v_verdict -> 'message',
        'detail', jsonb_build_object('attempt_id', v_verdict -> 'attempt_id')));
    end if;
  end loop;

  if v_opened then
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
        state text, attempt_id uuid, order_id uuid, account_id text, worker_id uuid,
        epoch bigint)
     where v.state = 'opened';
  end if;
  if cardinality(v_looked_at) > 0 then
    perform execution.attempt_stops(v_looked_at, v_now);
  end if;
  if cardinality(v_moves) > 0 then
    perform execution.move_orders(to_jsonb(v_moves), 'execution', v_now);
  end if;
  if cardinality(v_refused) > 0 then
    perform execution.close_orders(v_refused, '[]', 'execution', v_now);
  end if;
  if v_surveys then
    -- After the attempts: what this batch opens is in flight while the account is surveyed.
    return execution.attempt_orders((
             select coalesce(jsonb_agg(v), '[]') from jsonb_array_elements(v_verdicts) v
              where v ->> 'state' <> 'reconcile'), v_now)
        || (select jsonb_agg(execution.survey_facts(a, v_now))
              from jsonb_array_elements(v_asked) a
             where a ->> 'reconciliation_id' is not null);
  end if;
  return execution.attempt_orders(v_verdicts, v_now);
end $$;
comment on function execution.open_attempts(jsonb) is
  'Open one attempt per order, or say why not: opened, resolve (ask the venue), sync, answered, refused with a TR code; give a reconciliation its facts. TR405: another worker owns the account.';
grant execute on function execution.open_attempts(jsonb) to execution_agent;
