create or replace view audit.denials with (security_invoker = true) as
select i.correlation_id, i.org_id, i.account_id, i.strategy_id, i.symbol, i.intent_id,
       c.limit_kind, c.scope, c.scope_id, c.limit_value, c.observed, c.projected, c.unit,
       c.code, i.state as ended_as, i.policy_hash, c.checked_at as denied_at
  from public.risk_checks c
  join public.intents i on i.intent_id = c.intent_id
 where c.outcome = 'denied'
union all
select i.correlation_id, i.org_id, i.account_id, i.strategy_id, i.symbol, i.intent_id,
       null, null, null, null, null, null, null, i.denial_code, i.state, i.policy_hash,
       coalesce(i.decided_at, i.created_at)
  from public.intents i
 where i.state in ('denied', 'refused')
   and not exists (select from public.risk_checks c
                    where c.intent_id = i.intent_id and c.outcome = 'denied')
union all
select o.correlation_id, o.org_id, o.account_id, o.strategy_id, o.symbol, o.intent_id,
       null, null, null, null, null, null, null, split_part(o.status_reason, ':', 1), o.status,
       o.policy_hash, o.updated_at
  from public.orders o
 where o.status = 'denied';
comment on view audit.denials is
  'What was denied and by which limit, with limit and observed value; without a limit, by which code.';
grant select on audit.denials to auditor, treasury_operator, desk_operator, desk_reader;
