-- One bridge owns an account. The lease follows the bus: whoever holds the account's shard may
-- take the account at once, because a shard moves only between batches or from a dead worker.
-- The epoch rises with every change of hands; records of an older epoch are refused.
create or replace function execution.lease_accounts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  with asked as (
    select distinct on (x.account_id) x.account_id, x.worker_id,
           coalesce(x.lease_ms, 10000) * interval '1 millisecond' as length
      from jsonb_to_recordset(p_items) as x(account_id text, worker_id uuid, lease_ms int)
      join public.accounts c on c.account_id = x.account_id and c.state <> 'closed'
     where x.worker_id is not null
     order by x.account_id
  )
  insert into execution.account_leases as held (account_id, worker_id, epoch, expires_at)
  select a.account_id, a.worker_id, 1, v_now + a.length
    from asked a
   -- A lease that is ours and more than half fresh is left alone: most batches write nothing.
   where not exists (select from execution.account_leases h
                      where h.account_id = a.account_id and h.worker_id = a.worker_id
                        and h.expires_at > v_now + a.length / 2)
   order by a.account_id
  on conflict (account_id) do update
     set worker_id = excluded.worker_id,
         epoch = held.epoch + case when held.worker_id = excluded.worker_id then 0 else 1 end,
         expires_at = excluded.expires_at
   where held.worker_id = excluded.worker_id
      or held.expires_at <= v_now
      or exists (select from bus.shard_leases s
                  where s.agent = 'execution' and s.shard = bus.shard_of(held.account_id)
                    and s.worker_id = excluded.worker_id);

  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i, 'account_id', x.account_id,
             'owned', coalesce(h.worker_id = x.worker_id, false),
             'owner', h.worker_id, 'epoch', h.epoch, 'expires_at', h.expires_at)), '[]')
      from jsonb_to_recordset(p_items) as x(i int, account_id text, worker_id uuid)
      left join execution.account_leases h on h.account_id = x.account_id);
end $$;
comment on function execution.lease_accounts(jsonb) is
  'Give accounts to the worker that asks, if they are free, expired, its own, or in its shard. The answer says who owns each and under which epoch. Called by other procedures only.';
