-- An inquiry is handed to execution as a row of its own, under its alert's correlation and in
-- the account's order, so that it reaches the bridge that owns the account.
create or replace function execution.ask_again(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  r record;
begin
  -- In one order, because halts ask too and must not be what a deadlock ends; and in a statement
  -- of its own, so that the next one sees what was queued while this one waited.
  perform from (
    select a.attempt_id from execution.attempts a
     where a.attempt_id in (
       select x.attempt_id from jsonb_to_recordset(p_items) as x(attempt_id uuid))
     order by a.attempt_id
       for update) held;
  for r in
    update execution.attempts a
       set inquiry_id = bus.uuid7(), inquired_at = clock_timestamp()
      from jsonb_to_recordset(p_items) as x(attempt_id uuid, reopened boolean), public.orders o
     where a.attempt_id = x.attempt_id and o.order_id = a.order_id
       and not exists (select from bus.deliveries q
                        where q.agent = 'execution' and q.msg_id = a.inquiry_id)
    returning a.inquiry_id, a.attempt_id, a.account_id, o.org_id, o.correlation_id,
              coalesce(x.reopened, false) as reopened
  loop
    if r.reopened then
      insert into execution.reopenings (inquiry_id, attempt_id)
      values (r.inquiry_id, r.attempt_id);
    end if;
    perform bus.deliver_row('execution', 'inquiry', r.inquiry_id, r.account_id, r.org_id,
                            r.correlation_id, 600000);
  end loop;
  return '[]';
end $$;
comment on function execution.ask_again(jsonb) is
  'Queue one inquiry per attempt at the bridge of its account; an inquiry that waits is not doubled. reopened: also about one that is closed.';
grant execute on function execution.ask_again(jsonb) to execution_agent;
