create or replace function intake.record_gaps(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into intake.numberings as held (source_id, expected, looked_until)
  select x.source_id, x.expected, x.looked_until
    from jsonb_to_recordset(p_items) as x(
      source_id text, expected bigint, looked_until timestamptz)
  on conflict (source_id) do update
     set expected = excluded.expected, looked_until = excluded.looked_until;

  update intake.gaps g set closed_at = clock_timestamp(), closed_by = 'arrived'
    from jsonb_to_recordset(p_items) as x(closed jsonb)
   where g.closed_at is null and x.closed ? g.gap_id::text;

  insert into intake.gaps
    (gap_id, org_id, source_id, first_missing, last_missing, after_alert_id)
  select o.gap_id, s.org_id, x.source_id, o.first, o.last, o.alert_id
    from jsonb_to_recordset(p_items) as x(source_id text, opened jsonb)
    join intake.sources s on s.source_id = x.source_id
    cross join jsonb_to_recordset(x.opened) as o(
      gap_id uuid, first bigint, last bigint, alert_id uuid)
  on conflict do nothing;

  -- An incident stands as long as a source has numbers that nobody accounts for.
  update ops.incidents n set state = 'closed', closed_at = clock_timestamp()
   where n.kind = 'ALERTS_MISSING' and n.state = 'open'
     and not exists (select from intake.gaps g
                      where g.source_id = n.subject and g.closed_at is null);
  insert into ops.incidents (incident_id, kind, subject, severity, detail)
  select bus.uuid7(), 'ALERTS_MISSING', x.source_id, 'WARN', jsonb_build_object(
           'text', 'numbers of alerts are missing; see intake.gaps',
           'first_missing', g.first_missing, 'last_missing', g.last_missing)
    from jsonb_to_recordset(p_items) as x(source_id text)
    join lateral (select o.first_missing, o.last_missing from intake.gaps o
                   where o.source_id = x.source_id and o.closed_at is null
                   order by o.first_missing limit 1) g on true
  on conflict do nothing;
  return '[]';
end $$;
comment on function intake.record_gaps(jsonb) is
  'Keep how far numbers were looked at, which are missing and which came after all; a source with open gaps has an incident.';
grant execute on function intake.record_gaps(jsonb) to intake_agent;
