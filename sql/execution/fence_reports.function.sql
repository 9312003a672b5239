create or replace function execution.fence_reports(p_items jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_odd record;
begin
  -- Held until the commit, in the same order as open_attempts takes them: accounts, orders.
  perform from (
    select h.account_id from execution.account_leases h
     where h.account_id in (
       select a.account_id from jsonb_to_recordset(p_items) as x(attempt_id uuid)
         join execution.attempts a on a.attempt_id = x.attempt_id)
     order by h.account_id
       for share) held;
  select x.attempt_id, a.account_id, h.epoch as current_epoch into v_odd
    from jsonb_to_recordset(p_items) as x(attempt_id uuid, worker_id uuid, epoch bigint)
    left join execution.attempts a on a.attempt_id = x.attempt_id
    left join execution.account_leases h on h.account_id = a.account_id
   where a.attempt_id is null
      or x.worker_id is null or x.worker_id is distinct from h.worker_id
      or x.epoch is null or x.epoch is distinct from h.epoch
   limit 1;
  if found and v_odd.account_id is null then
    raise exception 'no attempt %', v_odd.attempt_id using errcode = 'TR412';
  elsif found then
    raise exception 'account % is at epoch %', v_odd.account_id, v_odd.current_epoch
      using errcode = 'TR405';
  end if;
  perform from (
    select o.order_id from public.orders o
     where o.order_id in (
       select a.order_id from jsonb_to_recordset(p_items) as x(attempt_id uuid)
         join execution.attempts a on a.attempt_id = x.attempt_id)
     order by o.account_id, o.order_id
       for update) locked;
end $$;
comment on function execution.fence_reports(jsonb) is
  'Refuse reports of a worker or epoch that no longer owns the account, then hold the orders. TR405, TR412. Called by other procedures only.';
