create or replace function execution.fence_reports(p_items jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_attempt record;
  v_lease record;
  v_item jsonb;
  v_accounts text[] := '{}';
  v_orders uuid[] := '{}';
  v_leases jsonb := '{}';
begin
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    select a.account_id, a.order_id into v_attempt
      from execution.attempts a where a.attempt_id = (p_items -> i ->> 'attempt_id')::uuid;
    v_accounts := array_append(v_accounts, v_attempt.account_id);
    v_orders := array_append(v_orders, v_attempt.order_id);
  end loop;
  -- Held until the commit, in the same order as open_attempts takes them: accounts, orders.
  for v_lease in
    select h.account_id, h.worker_id, h.epoch
      from execution.account_leases h
     where h.account_id = any (v_accounts)
     order by h.account_id
       for share
  loop
    v_leases := v_leases || jsonb_build_object(
      v_lease.account_id, jsonb_build_array(v_lease.worker_id, v_lease.epoch));
  end loop;
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> i;
    if v_orders[i + 1] is null then
      raise exception 'no attempt %', v_item ->> 'attempt_id' using errcode = 'TR412';
    elsif ((v_item ->> 'worker_id')::uuid = (v_leases -> v_accounts[i + 1] ->> 0)::uuid
           and (v_item ->> 'epoch')::bigint = (v_leases -> v_accounts[i + 1] ->> 1)::bigint)
          is not true then
      raise exception 'account % is at epoch %', v_accounts[i + 1],
        v_leases -> v_accounts[i + 1] ->> 1 using errcode = 'TR405';
    end if;
  end loop;
  perform from (
    select o.order_id from public.orders o
     where o.order_id = any (v_orders)
     order by o.account_id, o.order_id
       for update) locked;
end $$;
comment on function execution.fence_reports(jsonb) is
  'Refuse reports of a worker or epoch that no longer owns the account, then hold the orders. TR405, TR412. Called by other procedures only.';
