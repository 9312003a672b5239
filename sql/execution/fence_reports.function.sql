create or replace function execution.fence_reports(p_items jsonb, out orders uuid[])
language plpgsql security definer set search_path = '' as $$
declare
  v_accounts text[];
  v_stranger record;
begin
  select array_agg(a.order_id order by x.nr), array_agg(a.account_id order by x.nr)
    into orders, v_accounts
    from jsonb_array_elements(p_items) with ordinality as x(item, nr)
    -- A row by its key for each item, however small the table was when this was planned.
    left join lateral (
      select k.order_id, k.account_id
        from execution.attempts k
       where k.attempt_id = (x.item ->> 'attempt_id')::uuid offset 0) a on true;
  if array_position(orders, null) is not null then
    raise exception 'no attempt %', p_items -> (array_position(orders, null) - 1) ->> 'attempt_id'
      using errcode = 'TR412';
  end if;
  -- Held until the commit, in the same order as open_attempts takes them: accounts, orders.
  perform from (
    select h.account_id from execution.account_leases h
     where h.account_id = any (v_accounts)
     order by h.account_id
       for share) held;
  select u.account_id, h.epoch into v_stranger
    from unnest(v_accounts) with ordinality as u(account_id, nr)
    cross join lateral (select p_items -> (u.nr - 1)::int as item) x
    left join lateral (
      select k.worker_id, k.epoch from execution.account_leases k
       where k.account_id = u.account_id offset 0) h on true
   where (h.worker_id = (x.item ->> 'worker_id')::uuid
          and h.epoch = (x.item ->> 'epoch')::bigint) is not true
   order by u.nr limit 1;
  if found then
    raise exception 'account % is at epoch %', v_stranger.account_id, v_stranger.epoch
      using errcode = 'TR405';
  end if;
  perform from (
    select o.order_id from public.orders o
     where o.order_id = any (orders)
     order by o.account_id, o.order_id
       for update) locked;
end $$;
comment on function execution.fence_reports(jsonb) is
  'Refuse reports of a worker or epoch that no longer owns the account, then hold the orders and name them in the order of the reports. TR405, TR412. Called by other procedures only.';
