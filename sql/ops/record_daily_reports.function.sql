create or replace function ops.record_daily_reports(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('ops.record_daily_reports', 0));
  perform ledger.close_day(d.day)
     from (select distinct x.day from jsonb_to_recordset(p_items) as x(day date)
            order by x.day) d;
  insert into public.report_snapshots (snapshot_id, org_id, account_id, metrics, generated_at)
  select bus.uuid7(), g.org_id, null,
         jsonb_build_object(
           'kind', 'daily', 'day', d.day,
           'alerts', (select count(*) from public.signals_raw r
                       where r.org_id = g.org_id and r.received_at >= d.from_at
                         and r.received_at < d.until_at),
           'outcomes', (select coalesce(jsonb_object_agg(o.outcome, o.n), '{}')
                          from (select a.outcome, count(*) as n
                                  from public.alert_outcomes a
                                  join public.signals_raw r
                                    on r.correlation_id = a.correlation_id
                                 where r.org_id = g.org_id and r.received_at >= d.from_at
                                   and r.received_at < d.until_at
                                 group by a.outcome) o),
           'orders', (select count(*) from public.orders o
                       where o.org_id = g.org_id and o.created_at >= d.from_at
                         and o.created_at < d.until_at),
           'fills', f.fills, 'realized_pnl', f.realized_pnl::text,
           'commission', f.commission::text, 'slippage_bps_mean', f.slippage_bps::text,
           'accounts', (select coalesce(jsonb_agg(jsonb_build_object(
                                'account_id', t.account_id, 'currency', t.currency,
                                'opening', t.opening::text, 'movements', t.movements,
                                'closing', t.closing::text, 'unrealized', t.unrealized::text,
                                'equity', t.equity::text, 'venue_balance', t.venue_balance::text,
                                'difference', t.difference::text, 'state', t.state,
                                'positions', t.positions, 'currencies', t.currencies)
                                order by t.account_id), '[]')
                          from ledger.statements t
                         where t.org_id = g.org_id and t.day = d.day),
           'compliance_alerts', (select count(*) from public.compliance_alerts c
                                  where c.org_id = g.org_id and c.raised_at >= d.from_at
                                    and c.raised_at < d.until_at),
           'incidents', (select count(*) from ops.incidents i
                          where i.opened_at >= d.from_at and i.opened_at < d.until_at)),
         clock_timestamp()
    from (select distinct x.day, x.day::timestamp at time zone 'UTC' as from_at,
                 (x.day + 1)::timestamp at time zone 'UTC' as until_at
            from jsonb_to_recordset(p_items) as x(day date)) d
   cross join public.organizations g
   cross join lateral (
     select count(*) as fills, coalesce(sum(b.realized_pnl), 0) as realized_pnl,
            coalesce(sum(b.commission), 0) as commission,
            round(sum(b.slippage_bps * b.quantity)
                  / nullif(sum(b.quantity) filter (where b.slippage_bps is not null), 0), 4)
              as slippage_bps
       from public.fills b
      where b.org_id = g.org_id and b.filled_at >= d.from_at and b.filled_at < d.until_at) f
   where not exists (
     select from public.report_snapshots s
      where s.org_id = g.org_id and s.account_id is null and s.metrics ->> 'kind' = 'daily'
        and s.metrics ->> 'day' = d.day::text);
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'reports', (
                   select count(*) from public.report_snapshots s
                    where s.account_id is null and s.metrics ->> 'kind' = 'daily'
                      and s.metrics ->> 'day' = x.day::text))), '[]')
            from jsonb_to_recordset(p_items) as x(i int, day date));
end $$;
comment on function ops.record_daily_reports(jsonb) is
  'Report a whole day (UTC) of every organisation: alerts and how they ended, orders, fills, each account''s statement, findings. A day is reported once.';
grant execute on function ops.record_daily_reports(jsonb) to housekeeping_agent;
