-- The books of one account, or of every account that changed since its last snapshot; an
-- account at rest is reported once a minute.
create or replace function execution.report_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  -- Not language sql: that would be planned again at every call.
  return (
    with item as (
      select x.i, x.account_id, x.rest_ms
        from jsonb_to_recordset(p_items) as x(i int, account_id text, rest_ms int)
    ), due as (
      select i.i, c.account_id, c.org_id, c.currency, c.venue_id
        from item i
        join public.accounts c on i.account_id is null or c.account_id = i.account_id
        left join lateral (
          select max(s.generated_at) as at from public.report_snapshots s
           where s.org_id = c.org_id and s.account_id = c.account_id) last on true
       where c.state <> 'closed'
         and (i.account_id is not null or last.at is null
              or last.at < clock_timestamp() - i.rest_ms * interval '1 millisecond'
              or exists (select from public.positions p
                          where p.account_id = c.account_id and p.updated_at > last.at)
              or exists (select from public.compliance_alerts a
                          where a.org_id = c.org_id and a.account_id = c.account_id
                            and a.raised_at > last.at))
    )
    select coalesce(jsonb_agg(jsonb_build_object('i', i.i, 'accounts', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'account_id', d.account_id, 'org_id', d.org_id, 'currency', d.currency,
               'realized_pnl', coalesce(p.realized, 0)::text,
               'commission', coalesce(p.commission, 0)::text,
               'open_exposure', coalesce(p.exposure, '{}'),
               'unvalued', coalesce(p.unvalued, '[]'),
               'fills', f.fills, 'slippage_bps_mean', f.slippage::text,
               'alerts_active', (
                 select count(*) from public.compliance_alerts a
                  where a.org_id = d.org_id and a.account_id = d.account_id
                    and a.remediation_required)) order by d.account_id), '[]')
        from due d
        left join lateral (
          select sum(p.realized_pnl) as realized, sum(p.commission) as commission,
                 jsonb_object_agg(p.symbol, (p.quantity * v.lot_value)::text)
                   filter (where p.quantity <> 0 and v.lot_value is not null) as exposure,
                 jsonb_agg(p.symbol) filter (where p.quantity <> 0 and v.lot_value is null)
                   as unvalued
            from public.positions p
            left join lateral risk.lot_value(d.venue_id, p.symbol, d.currency) v on true
           where p.account_id = d.account_id) p on true
        left join lateral (
          select count(*) as fills, round(avg(b.slippage_bps), 4) as slippage
            from public.fills b
           where b.org_id = d.org_id and b.account_id = d.account_id) f on true
       where d.i = i.i)) order by i.i), '[]')
      from item i);
end $$;
comment on function execution.report_facts(jsonb) is
  'Realised money, costs, exposures, slippage and open findings per account.';
grant execute on function execution.report_facts(jsonb) to reporter_agent;
