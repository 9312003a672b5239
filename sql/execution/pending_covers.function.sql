-- What was asked for and is still to fill: on its way to authority (until its message is too old
-- to be heard, and a moment more), before a vote, or authorised and not filled yet.
create or replace function execution.pending_covers(p_account_id text, p_vote_s int)
returns table (symbol text, quantity numeric)
language sql stable as $$
  select r.symbol, case r.side when 'BUY' then r.remaining_quantity else -r.remaining_quantity end
    from risk.reservations r
   where r.account_id = p_account_id and r.released_at is null
     and exists (select from public.intents n
                  where n.intent_id = r.intent_id and n.kind = 'cover')
  union all
  select c.symbol, case c.side when 'BUY' then c.quantity else -c.quantity end
    from execution.covers c
    left join public.intents n on n.intent_id = c.intent_id
   where c.account_id = p_account_id and c.intent_id is not null
     and c.asked_at > now() - greatest(p_vote_s, 75) * interval '1 second'
     and case
           when n.intent_id is null then c.asked_at > now() - interval '75 seconds'
           when n.state = 'awaiting_vote' then true
           -- Its vote passed; authority has not made an intent of it yet.
           when n.state = 'approved' then
             n.decided_at > now() - interval '75 seconds'
             and not exists (
               select from public.proposals p
                 join public.intents m on m.correlation_id = n.correlation_id
                  and ('proposal:' || p.proposal_id::text) = any (m.reason_codes)
                where p.kind = 'high_risk_intent' and p.subject = n.intent_id::text)
           else false
         end
$$;
comment on function execution.pending_covers(text, int) is
  'Signed lots of covers of an account that are asked for and not filled; a vote is waited for that many seconds. Internal.';
