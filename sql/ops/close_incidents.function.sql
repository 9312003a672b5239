create or replace function ops.close_incidents(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  update ops.incidents n set state = 'closed', closed_at = clock_timestamp()
    from jsonb_to_recordset(p_items) as x(kind text, subject text)
   where n.kind = x.kind and n.subject = x.subject and n.state = 'open';
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.close_incidents(jsonb) is
  'Close incidents that are over; one that is closed stays closed.';
grant execute on function ops.close_incidents(jsonb) to supervisor_agent;
