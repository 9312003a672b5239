create or replace function ops.open_incidents(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into ops.incidents (incident_id, kind, subject, severity, detail, state, opened_at)
  select x.incident_id, x.kind, x.subject, x.severity, coalesce(x.detail, '{}'), 'open',
         clock_timestamp()
    from jsonb_to_recordset(p_items) as x(
      incident_id uuid, kind text, subject text, severity text, detail jsonb)
  on conflict do nothing;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'incident_id', (
                   select n.incident_id from ops.incidents n
                    where n.kind = x.kind and n.subject = x.subject and n.state = 'open'))), '[]')
            from jsonb_to_recordset(p_items) as x(i int, kind text, subject text));
end $$;
comment on function ops.open_incidents(jsonb) is
  'Open incidents; the same trouble of the same subject stays one open row.';
grant execute on function ops.open_incidents(jsonb) to supervisor_agent;
