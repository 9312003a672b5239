create or replace function ops.record_job_runs(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into ops.job_runs as held
    (job, every_s, runs, failures, last_run_at, last_error, last_report, host)
  select x.job, x.every_s, 1, (x.error is not null)::int, clock_timestamp(), left(x.error, 1000),
         left(x.report, 1000), x.host
    from jsonb_to_recordset(p_items) as x(
      job text, every_s int, error text, report text, host text)
  on conflict (job) do update
     set every_s = excluded.every_s, runs = held.runs + 1,
         failures = held.failures + excluded.failures, last_run_at = excluded.last_run_at,
         last_error = excluded.last_error, last_report = excluded.last_report,
         host = excluded.host;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.record_job_runs(jsonb) is
  'Keep when each scheduled job last ran, what it did, and how it failed.';
grant execute on function ops.record_job_runs(jsonb) to housekeeping_agent;
