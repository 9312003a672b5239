create or replace function ops.record_compliance_alerts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.compliance_alerts
    (alert_id, org_id, correlation_id, order_id, account_id, symbol, severity, rule_id,
     description, evidence, remediation_required, raised_at)
  select x.alert_id, x.org_id, x.correlation_id, x.order_id, x.account_id, x.symbol,
         x.severity, x.rule_id, x.description, x.evidence, x.remediation_required, x.raised_at
    from jsonb_to_recordset(p_items) as x(
      alert_id uuid, org_id text, correlation_id uuid, order_id uuid, account_id text,
      symbol text, severity text, rule_id text, description text, evidence jsonb,
      remediation_required boolean, raised_at timestamptz)
  on conflict (alert_id) do nothing;
  return '[]';
end $$;
comment on function ops.record_compliance_alerts(jsonb) is
  'Keep what compliance found; a finding is kept once however often it is repeated.';
grant execute on function ops.record_compliance_alerts(jsonb) to compliance_agent;
