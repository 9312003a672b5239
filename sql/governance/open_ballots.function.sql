-- Read with the rights of the procedure that asks, for the login that asked it.
create or replace function governance.open_ballots() returns jsonb
language plpgsql stable as $$
begin
  return (
  select coalesce(jsonb_agg(jsonb_build_object(
           'proposal_id', p.proposal_id, 'org_id', p.org_id, 'kind', p.kind,
           'subject', p.subject, 'payload', p.payload, 'evidence', p.evidence,
           'cause', g.cause,
           'account_id', coalesce(n.account_id, a.account_id), 'venue_id', n.venue_id,
           'symbol', n.symbol, 'probability', h.probability::text,
           'reward_to_risk', round(abs(n.take_profit - n.reference_price)
             / nullif(abs(n.reference_price - n.stop_loss), 0), 6)::text,
           'daily_loss_pct', case when s.account_id is not null then case
             when s.day < (clock_timestamp() at time zone 'utc')::date then 0
             else round(100 * greatest(s.day_start_equity - s.equity, 0)
                        / nullif(s.day_start_equity, 0), 6) end end::text,
           'drawdown_pct', round(100 * greatest(s.peak_equity - s.equity, 0)
                                 / nullif(s.peak_equity, 0), 6)::text,
           'critical_findings', case when g.halt_id is not null then (
             select count(*) from public.compliance_alerts c
              where c.severity = 'CRITICAL' and c.raised_at >= g.halted_at
                and (a.account_id is null or c.account_id = a.account_id)) end)
           order by p.opened_at, p.proposal_id), '[]')
    from (select o.* from public.proposals o
           where o.state = 'open' and o.expires_at > clock_timestamp()
             and o.proposed_by <> session_user
             and not exists (select from public.votes v
                              where v.proposal_id = o.proposal_id and v.voter = session_user)
             and exists (select from governance.voters w
                           join governance.quorum_rules r on w.persona = any (r.electorate)
                          where w.voter = session_user and w.state = 'active'
                            and r.kind = o.kind)
           order by o.opened_at limit 50) p
    left join public.intents n on p.kind = 'high_risk_intent' and n.intent_id::text = p.subject
    left join lateral (
      select y.probability from public.hypotheses y
       where y.correlation_id = n.correlation_id and n.kind = 'allocate'
       order by y.created_at desc limit 1) h on true
    left join governance.halts g on p.kind = 'lift_halt' and g.halt_id::text = p.subject
    left join public.accounts a on a.account_id = case
                when g.scope = 'account' then g.scope_id
                when p.kind = 'halt' and p.payload ->> 'scope' = 'account'
                  then p.payload ->> 'scope_id' end
    left join risk.account_state s on s.account_id = a.account_id);
end $$;
comment on function governance.open_ballots() is
  'The proposals that this session may vote on and has not, with the figures to judge them by. Called by other procedures only.';
