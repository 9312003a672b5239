drop view if exists ledger.cover_exposures;
create view ledger.cover_exposures with (security_invoker = true) as
select k.org_id, k.account_id, k.symbol,
       case when i.incident_id is not null then 'uncovered'
            when n.state in ('authorized', 'awaiting_vote', 'approved') or n.state is null
             and k.asked_at > clock_timestamp() - interval '75 seconds' then 'asked'
            else 'quiet' end as state,
       k.tries, k.asked_at, k.side, k.quantity, n.state as last_intent, n.denial_code as last_code,
       i.opened_at as uncovered_since, (i.detail ->> 'residual')::numeric as residual,
       (i.detail ->> 'bound')::numeric as bound, i.detail ->> 'todo' as todo
  from (
    select distinct on (c.account_id, c.symbol) c.org_id, c.account_id, c.symbol, c.intent_id,
           c.asked_at, c.side, c.quantity,
           count(*) over (partition by c.account_id, c.symbol) as tries
      from execution.covers c
     where c.asked_at > clock_timestamp() - interval '1 hour'
        or exists (select from ops.incidents o
                    where o.kind = 'COVER_TRIES_SPENT' and o.state = 'open'
                      and o.subject = c.account_id || '/' || c.symbol)
     order by c.account_id, c.symbol, c.asked_at desc) k
  left join public.intents n on n.intent_id = k.intent_id
  left join ops.incidents i on i.kind = 'COVER_TRIES_SPENT' and i.state = 'open'
                           and i.subject = k.account_id || '/' || k.symbol;
comment on view ledger.cover_exposures is
  'Residuals that were to be covered within the hour, by account and hedge instrument: asked, quiet, or uncovered after every try.';
grant select on ledger.cover_exposures to desk_reader, auditor, desk_operator, treasury_operator;
