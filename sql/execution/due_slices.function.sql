create or replace function execution.due_slices(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  -- Not language sql: that would be planned again at every call.
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i,
             'parents', (
               select coalesce(jsonb_agg(d.intent_id), '[]') from (
                 select p.intent_id
                   from execution.parents p
                  where p.state = 'working' and p.look_at <= clock_timestamp()
                    and not exists (select from bus.deliveries q
                                     where q.agent = 'order' and q.msg_id = p.slice_id)
                  order by p.look_at limit 200) d))), '[]')
      from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.due_slices(jsonb) is
  'Worked orders that are to be looked at now and do not wait in the queue already.';
grant execute on function execution.due_slices(jsonb) to order_agent;
