create or replace function intake.numbering_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
set jit = off
as $$
declare
  -- TradingView sends again for fifteen seconds: what is late until then is not missing.
  v_until timestamptz := clock_timestamp() - interval '20 seconds';
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'sources', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'source_id', s.source_id, 'expected', n.expected,
               'looked_until', case when seen.count < 2000 then v_until else seen.last end,
               'numbers', seen.numbers,
               'gaps', (select coalesce(jsonb_agg(jsonb_build_object(
                                 'gap_id', g.gap_id, 'first', g.first_missing,
                                 'last', g.last_missing) order by g.first_missing), '[]')
                          from intake.gaps g
                         where g.source_id = s.source_id and g.closed_at is null))
               order by s.source_id), '[]')
        from intake.sources s
        left join intake.numberings n on n.source_id = s.source_id
        cross join lateral (
          select count(*) as count, max(f.received_at) as last,
                 jsonb_agg(jsonb_build_array(f.sequence, f.alert_id)
                           order by f.received_at, f.alert_id) as numbers
            from (
              select r.alert_id, r.received_at, (r.parsed ->> 'sequence')::bigint as sequence
                from public.signals_raw r
               where (r.parsed ->> 'sequence') is not null and r.source_id = s.source_id
                 and r.received_at >= coalesce(n.looked_until, '-infinity')
                 and r.received_at < v_until
              union all
              select r.alert_id, r.received_at, (d.parsed ->> 'sequence')::bigint
                from public.signals_raw r
                join intake.readings d on d.alert_id = r.alert_id
               where (d.parsed ->> 'sequence') is not null and r.source_id = s.source_id
                 and d.first_alert_id is null and r.reason_code = 'NOT_READ'
                 and r.received_at >= coalesce(n.looked_until, '-infinity')
                 and r.received_at < v_until
               order by 2, 1 limit 2000) f) seen
       where seen.count > 0))), '[]')
      from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function intake.numbering_facts(jsonb) is
  'Sources with alerts whose numbers nobody looked at yet, in the order of their coming, and their open gaps.';
grant execute on function intake.numbering_facts(jsonb) to intake_agent;
