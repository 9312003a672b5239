create or replace function governance.sentinel_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_body jsonb;
  v_accounts jsonb;
begin
  select p.policy_hash, p.body into v_policy_hash, v_body from risk.policies p where p.active;
  with account as (
    select a.account_id, a.org_id, s.as_of,
           case when s.day < (clock_timestamp() at time zone 'utc')::date then 0
                else round(100 * greatest(s.day_start_equity - s.equity, 0)
                           / nullif(s.day_start_equity, 0), 6) end as daily_loss_pct,
           round(100 * greatest(s.peak_equity - s.equity, 0) / nullif(s.peak_equity, 0), 6)
             as drawdown_pct,
           (select jsonb_object_agg(l.kind, l.value::text)
              from (select m.kind, min(m.value) as value
                      from risk.limits m
                     where m.policy_hash = v_policy_hash
                       and m.kind in ('daily_loss_soft_pct', 'daily_loss_hard_pct',
                                      'drawdown_pct')
                       and (m.scope = 'platform'
                            or m.scope = 'organization' and m.scope_id in ('*', a.org_id)
                            or m.scope = 'account' and m.scope_id in ('*', a.account_id))
                     group by m.kind) l) as limits,
           -- A halt that leaves orders working is not yet what a breach asks for.
           exists (select from governance.halts g
                    where g.lifted_at is null and g.scope = 'account'
                      and g.scope_id = a.account_id and g.cancel_working_orders) as halted
      from public.accounts a
      join risk.account_state s on s.account_id = a.account_id
     where a.state = 'active'
  )
  select coalesce(jsonb_agg(jsonb_build_object(
           'account_id', c.account_id, 'org_id', c.org_id,
           'daily_loss_pct', c.daily_loss_pct::text, 'drawdown_pct', c.drawdown_pct::text,
           'limits', coalesce(c.limits, '{}'), 'halted', c.halted) order by c.account_id), '[]')
    into v_accounts from account c;
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'accounts', v_accounts, 'ballots', governance.open_ballots(),
                   'halt_on_breach', v_body #> '{authority,halt_on_breach}',
                   'platform_halted', exists (select from governance.halts g
                                               where g.lifted_at is null
                                                 and g.scope = 'platform'),
                   'pack', case when x.pack then v_body end,
                   'limits_differ', case when x.pack then risk.limits_differ(v_policy_hash) end,
                   'policy_hash', v_policy_hash)), '[]')
            from jsonb_to_recordset(p_items) as x(i int, pack boolean));
end $$;
comment on function governance.sentinel_facts(jsonb) is
  'Losses of every active account against their limits, the proposals that this session has not voted on, and the pack in force where the item asks for it.';
grant execute on function governance.sentinel_facts(jsonb) to risk_sentinel_agent;
