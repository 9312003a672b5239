create or replace function execution.own_accounts(p_asked jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_lost text;
begin
  perform execution.lease_accounts(p_asked)
    where exists (select from jsonb_array_elements(p_asked) x
                   where x ->> 'account_id' is not null);
  -- Held until the commit: a takeover waits for what we are about to make true.
  perform from (
    select h.account_id from execution.account_leases h
     where h.account_id in (select x ->> 'account_id' from jsonb_array_elements(p_asked) x)
     order by h.account_id
       for share) held;
  select x ->> 'account_id' into v_lost
    from jsonb_array_elements(p_asked) x
    left join execution.account_leases h on h.account_id = x ->> 'account_id'
   where x ->> 'account_id' is not null
     and h.worker_id is distinct from (x ->> 'worker_id')::uuid
   limit 1;
  if v_lost is not null then
    raise exception 'account % belongs to another worker', v_lost using errcode = 'TR405';
  end if;
end $$;
comment on function execution.own_accounts(jsonb) is
  'Lease the accounts of these items to their worker and hold the leases until the commit. TR405: another worker owns one. Called by other procedures only.';
