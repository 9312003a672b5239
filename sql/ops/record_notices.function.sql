create or replace function ops.record_notices(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into ops.notice_deliveries (notice_id, destination)
  select x.notice_id, d.destination
    from jsonb_to_recordset(p_items) as x(notice_id uuid, told text[])
   cross join lateral unnest(x.told) as d(destination)
  on conflict (notice_id, destination) do nothing;
  update ops.notices n
     set state = case when x.error is null then 'done'
                      when n.created_at < clock_timestamp() - interval '2 days' then 'failed'
                      else 'due' end,
         last_error = left(x.error, 500),
         -- 5 s, 10 s, … 5 minutes.
         next_at = clock_timestamp()
                   + least(300, 5 * 2 ^ least(n.attempts - 1, 10)) * interval '1 second'
    from jsonb_to_recordset(p_items) as x(notice_id uuid, error text)
   where n.notice_id = x.notice_id and n.state = 'due';
  return '[]';
end $$;
comment on function ops.record_notices(jsonb) is
  'Record who was told; what failed is due again later, for two days.';
grant execute on function ops.record_notices(jsonb) to notifier_agent;
