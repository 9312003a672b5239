create or replace function execution.record_snapshots(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.report_snapshots (snapshot_id, org_id, account_id, metrics, generated_at)
  select x.snapshot_id, x.org_id, x.account_id, x.metrics, x.generated_at
    from jsonb_to_recordset(p_items) as x(
      snapshot_id uuid, org_id text, account_id text, metrics jsonb, generated_at timestamptz)
  on conflict (snapshot_id) do nothing;
  return '[]';
end $$;
comment on function execution.record_snapshots(jsonb) is
  'Keep reports as they were published; repeating keeps one.';
grant execute on function execution.record_snapshots(jsonb) to reporter_agent;
