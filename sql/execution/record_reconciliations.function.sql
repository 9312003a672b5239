-- What a comparison of an account with its venue found becomes true: what the venue did unasked
-- is booked, money that moved is posted, attempts that it knows more of are asked about, and what
-- nobody can explain halts the account. Only from the bridge that owns it, once.
create or replace function execution.record_reconciliations(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_item jsonb;
  v_asked record;
  v_halt jsonb;
  v_answers jsonb[] := '{}';
begin
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> i;
    select r.reconciliation_id, r.account_id, r.org_id, r.state into v_asked
      from execution.reconciliations r
     where r.reconciliation_id = (v_item ->> 'reconciliation_id')::uuid;
    if not found then
      raise exception 'no reconciliation %', v_item ->> 'reconciliation_id'
        using errcode = 'TR434';
    end if;
    -- Locks in a fixed order: halts, accounts, orders.
    v_halt := null;
    if v_asked.state = 'asked' and v_item ->> 'state' = 'unexplained' then
      v_halt := governance.halt_automatically(jsonb_build_array(jsonb_build_object(
        'i', 0, 'halt_id', v_item -> 'halt_id', 'cause', 'reconciliation',
        'scope', 'account', 'scope_id', v_asked.account_id,
        'reason', v_item -> 'summary',
        'detail', jsonb_build_object('reconciliation_id', v_asked.reconciliation_id)))) -> 0;
    end if;
    perform from execution.account_leases h
      where h.account_id = v_asked.account_id
        and h.worker_id = (v_item ->> 'worker_id')::uuid
        and h.epoch = (v_item ->> 'epoch')::bigint
        for share;
    if not found then
      raise exception 'account % belongs to another worker', v_asked.account_id
        using errcode = 'TR405';
    end if;
    select r.state into v_asked.state from execution.reconciliations r
     where r.reconciliation_id = v_asked.reconciliation_id for update;
    if v_asked.state = 'asked' then
      perform execution.adopt_orders(v_asked.account_id, v_asked.reconciliation_id,
                                     v_item -> 'orders', v_now);
      perform execution.see_venue_orders(v_asked.account_id, v_asked.reconciliation_id,
                                         v_item -> 'foreign', v_now);
      perform execution.see_venue_cash(v_asked.account_id, v_asked.reconciliation_id,
                                       v_item -> 'movements', v_now);
      perform execution.ask_again((
        select coalesce(jsonb_agg(jsonb_build_object('attempt_id', a, 'reopened', true)), '[]')
          from jsonb_array_elements_text(v_item -> 'reopen') a));
      update execution.reconciliations r
         set state = v_item ->> 'state', finished_at = v_now,
             worker_id = (v_item ->> 'worker_id')::uuid,
             account_epoch = (v_item ->> 'epoch')::bigint,
             surveyed_at = (v_item ->> 'surveyed_at')::timestamptz,
             summary = v_item ->> 'summary', findings = v_item -> 'findings',
             counts = v_item -> 'counts',
             venue_balance = (v_item ->> 'venue_balance')::numeric,
             our_balance = (v_item ->> 'our_balance')::numeric,
             halt_id = (v_halt ->> 'halt_id')::uuid
       where r.reconciliation_id = v_asked.reconciliation_id;
    end if;
    v_answers := array_append(v_answers, jsonb_build_object(
      'i', v_item -> 'i', 'reconciliation_id', v_asked.reconciliation_id,
      'repeated', v_asked.state <> 'asked', 'halt_id', v_halt -> 'halt_id'));
  end loop;
  return to_jsonb(v_answers);
end $$;
comment on function execution.record_reconciliations(jsonb) is
  'Make true what comparing an account with its venue found. TR405: another worker owns the account. TR434: no such reconciliation.';
grant execute on function execution.record_reconciliations(jsonb) to execution_agent;
