create or replace function execution.own_accounts(p_asked jsonb) returns void
language plpgsql as $$
declare
  v_fresh timestamptz := clock_timestamp() + interval '5 seconds';
  v_account text;
  v_accounts text[] := '{}';
  v_stale boolean := false;
  v_lease record;
  v_owners jsonb := '{}';
begin
  for i in 0 .. jsonb_array_length(p_asked) - 1 loop
    v_account := p_asked -> i ->> 'account_id';
    continue when v_account is null or v_account = any (v_accounts);
    v_accounts := array_append(v_accounts, v_account);
    -- What lease_accounts would leave alone needs no call: half of its length is left.
    v_stale := v_stale or not exists (
      select from execution.account_leases h
       where h.account_id = v_account and h.expires_at > v_fresh
         and h.worker_id = (p_asked -> i ->> 'worker_id')::uuid);
  end loop;
  if v_stale then
    perform execution.lease_accounts(p_asked);
  end if;
  -- Held until the commit: a takeover waits for what we are about to make true.
  for v_lease in
    select h.account_id, h.worker_id
      from execution.account_leases h
     where h.account_id = any (v_accounts)
     order by h.account_id
       for share
  loop
    v_owners := v_owners || jsonb_build_object(v_lease.account_id, v_lease.worker_id);
  end loop;
  for i in 0 .. jsonb_array_length(p_asked) - 1 loop
    v_account := p_asked -> i ->> 'account_id';
    if v_account is not null
       and (v_owners ->> v_account)::uuid is distinct from (p_asked -> i ->> 'worker_id')::uuid
    then
      raise exception 'account % belongs to another worker', v_account using errcode = 'TR405';
    end if;
  end loop;
end $$;
comment on function execution.own_accounts(jsonb) is
  'Lease the accounts of these items to their worker and hold the leases until the commit. TR405: another worker owns one. Called by other procedures only.';
