create or replace function execution.ask_slices(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  r record;
begin
  perform from execution.parents p
    where p.intent_id in (
      select x.intent_id from jsonb_to_recordset(p_items) as x(intent_id uuid))
    order by p.intent_id
      for update;
  for r in
    update execution.parents p
       set slice_id = bus.uuid7()
      from jsonb_to_recordset(p_items) as x(intent_id uuid)
     where p.intent_id = x.intent_id and p.state = 'working'
       and not exists (select from bus.deliveries q
                        where q.agent = 'order' and q.msg_id = p.slice_id)
    returning p.slice_id, p.account_id, p.org_id, p.correlation_id
  loop
    perform bus.deliver_row('order', 'slice', r.slice_id, r.account_id, r.org_id,
                            r.correlation_id, 60000);
  end loop;
  return '[]';
end $$;
comment on function execution.ask_slices(jsonb) is
  'Queue a look at worked orders under their alerts'' correlation; one that waits is not doubled.';
grant execute on function execution.ask_slices(jsonb) to order_agent;
