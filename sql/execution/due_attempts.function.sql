-- What execution must look after of its own accord: attempts whose answer is missing, orders
-- that work at the venue or wait to be tried again, orders whose time ran out before they were
-- sent. Whatever already
-- waits in the queue is left to it.
create or replace function execution.due_attempts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  -- Not language sql: that would be planned again at every call.
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i,
             'attempts', (
               select coalesce(jsonb_agg(d.attempt_id), '[]') from (
                 select a.attempt_id
                   from execution.attempts a
                   join public.orders o on o.order_id = a.order_id
                  where a.state in ('open', 'unknown')
                    -- An open attempt is in flight as long as its message is still held.
                    and (a.state = 'unknown'
                         or a.opened_at < clock_timestamp() - x.abandoned_ms * interval '1 millisecond')
                    and not exists (select from bus.deliveries q
                                     where q.agent = 'execution' and q.msg_id = a.inquiry_id)
                  order by a.opened_at limit 100) d),
             'working', (
               select coalesce(jsonb_agg(d.attempt_id), '[]') from (
                 select a.attempt_id
                   from (select k.order_id from public.orders k
                          where k.status in ('accepted', 'triggered', 'partially_filled',
                                             'pending_update', 'pending_cancel')
                          union all
                         -- What an order that is over has opened waits for other stops.
                         select g.order_id from execution.order_changes g
                          where g.state = 'pending' and g.kind = 'stops') o
                   join execution.attempts a on a.order_id = o.order_id
                                            and a.state = 'answered'
                  where coalesce(a.inquired_at, a.opened_at)
                        < clock_timestamp() - x.sync_ms * interval '1 millisecond'
                    and not exists (select from bus.deliveries q
                                     where q.agent = 'execution' and q.msg_id = a.inquiry_id)
                  order by a.opened_at limit 100) d),
             -- Not executed for a reason that passes: tried again, ever more slowly.
             'again', (
               select coalesce(jsonb_agg(d.attempt_id), '[]') from (
                 select a.attempt_id
                   from public.orders o
                  cross join lateral (
                    select b.attempt_id, b.answered_at, b.inquiry_id, count(*) over () as tries
                      from execution.attempts b
                     where b.order_id = o.order_id
                     order by b.opened_at desc, b.attempt_id desc limit 1) a
                  where o.status = 'initialized' and o.expires_at > clock_timestamp()
                    and a.answered_at + least(x.again_ms * power(2, least(a.tries, 16) - 1), 5000)
                                        * interval '1 millisecond' <= clock_timestamp()
                    and not exists (select from bus.deliveries q
                                     where q.agent = 'execution' and q.msg_id = a.inquiry_id)
                  order by a.answered_at limit 100) d),
             -- Compared at a bridge's start, then periodically, and soon again while unsettled.
             'accounts', (
               select coalesce(jsonb_agg(jsonb_build_object(
                        'account_id', c.account_id,
                        'cause', case when r.state is null or r.worker_id is distinct from
                                           l.worker_id then 'start'
                                      when r.state in ('unsettled', 'unavailable') then 'again'
                                      else 'periodic' end) order by c.account_id), '[]')
                 from public.accounts c
                 left join bus.shard_leases l on l.agent = 'execution'
                                             and l.shard = bus.shard_of(c.account_id)
                 left join lateral (
                   select b.reconciliation_id, b.state, b.worker_id, b.finished_at
                     from execution.reconciliations b
                    where b.account_id = c.account_id
                    order by b.asked_at desc limit 1) r on true
                where c.state <> 'closed' and c.mode <> 'shadow' and c.connection <> '{}'
                  and l.worker_id is not null
                  and (r.state is null
                       or r.state = 'asked'
                          and not exists (select from bus.deliveries q
                                           where q.agent = 'execution'
                                             and q.msg_id = r.reconciliation_id)
                       or r.finished_at < clock_timestamp() - interval '1 millisecond' * case
                            when r.state = 'unavailable' then x.again_ms * 10
                            when r.state in ('unsettled', 'lapsed')
                              or r.worker_id is distinct from l.worker_id then x.again_ms
                            else x.reconcile_ms end)),
             'shadows', exists (select from public.accounts c
                                 where c.mode = 'shadow' and c.state <> 'closed'),
             'expired', (
               select coalesce(jsonb_agg(d.order_id), '[]') from (
                 select o.order_id from public.orders o
                  where o.status = 'initialized' and o.expires_at <= clock_timestamp()
                  order by o.expires_at limit 100) d))), '[]')
      from jsonb_to_recordset(p_items) as x(i int, abandoned_ms int, sync_ms int, again_ms int, reconcile_ms int));
end $$;
comment on function execution.due_attempts(jsonb) is
  'Attempts to ask the venue about, working orders to look at, orders to try again, accounts to compare with their venues, orders past their time.';
grant execute on function execution.due_attempts(jsonb) to execution_agent;
