create or replace function governance.sentinel_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_body jsonb;
  v_accounts jsonb;
  v_proposals jsonb;
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
           exists (select from governance.halts g
                    where g.lifted_at is null and g.scope = 'account'
                      and g.scope_id = a.account_id) as halted
      from public.accounts a
      join risk.account_state s on s.account_id = a.account_id
     where a.state = 'active'
  )
  select coalesce(jsonb_agg(jsonb_build_object(
           'account_id', c.account_id, 'org_id', c.org_id,
           'daily_loss_pct', c.daily_loss_pct::text, 'drawdown_pct', c.drawdown_pct::text,
           'limits', coalesce(c.limits, '{}'), 'halted', c.halted) order by c.account_id), '[]')
    into v_accounts from account c;
  select coalesce(jsonb_agg(jsonb_build_object(
           'proposal_id', p.proposal_id, 'kind', p.kind, 'subject', p.subject,
           'evidence', p.evidence, 'account_id', coalesce(n.account_id, g.scope_id))
           order by p.opened_at, p.proposal_id), '[]')
    into v_proposals
    from (select o.proposal_id, o.kind, o.subject, o.evidence, o.opened_at
            from public.proposals o
           where o.state = 'open' and o.expires_at > clock_timestamp()
             and o.proposed_by <> session_user
             and not exists (select from public.votes v
                              where v.proposal_id = o.proposal_id and v.voter = session_user)
           order by o.opened_at limit 50) p
    left join public.intents n on p.kind = 'high_risk_intent' and n.intent_id::text = p.subject
    left join governance.halts g on p.kind = 'lift_halt' and g.halt_id::text = p.subject
                                and g.scope = 'account';
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'accounts', v_accounts, 'proposals', v_proposals,
                   'votes', exists (select from governance.voters w
                                     where w.voter = session_user and w.state = 'active'),
                   'halt_on_breach', v_body #> '{authority,halt_on_breach}',
                   'policy_hash', v_policy_hash)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function governance.sentinel_facts(jsonb) is
  'Losses of every active account against their limits, and the proposals that this session has not voted on.';
grant execute on function governance.sentinel_facts(jsonb) to risk_sentinel_agent;
