-- What execution must look after of its own accord: attempts whose answer is missing, orders
-- that work at the venue, orders whose time ran out before they were sent. Whatever already
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
                   from public.orders o
                   join execution.attempts a on a.order_id = o.order_id
                                            and a.state = 'answered'
                  where o.status in ('accepted', 'triggered', 'partially_filled',
                                    'pending_update', 'pending_cancel')
                    and coalesce(a.inquired_at, a.opened_at)
                        < clock_timestamp() - x.sync_ms * interval '1 millisecond'
                    and not exists (select from bus.deliveries q
                                     where q.agent = 'execution' and q.msg_id = a.inquiry_id)
                  order by a.opened_at limit 100) d),
             'expired', (
               select coalesce(jsonb_agg(d.order_id), '[]') from (
                 select o.order_id from public.orders o
                  where o.status = 'initialized' and o.expires_at <= clock_timestamp()
                  order by o.expires_at limit 100) d))), '[]')
      from jsonb_to_recordset(p_items) as x(i int, abandoned_ms int, sync_ms int));
end $$;
comment on function execution.due_attempts(jsonb) is
  'Attempts to ask the venue about, working orders to look at, orders past their time.';
grant execute on function execution.due_attempts(jsonb) to execution_agent;
