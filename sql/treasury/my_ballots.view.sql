-- What the person who asks may vote on. Updating decision and reason casts the vote; doing it
-- again before the decision changes one's mind.
drop view if exists treasury.my_ballots;
create view treasury.my_ballots with (security_invoker = true) as
select p.proposal_id, p.kind, p.subject, p.payload, p.evidence, p.proposed_by, p.opened_at,
       p.expires_at, r.humans as humans_needed, r.personas as personas_needed, r.why,
       m.decision, m.reason, m.cast_at
  from (select governance.acting_voter() as voter offset 0) me
  join governance.voters w
    on w.voter = me.voter and w.kind = 'human' and w.state = 'active'
   and w.role_name = 'treasury_operator'
  join public.proposals p
    on p.org_id = w.org_id and p.state = 'open' and p.expires_at > clock_timestamp()
   and p.proposed_by <> me.voter
  join governance.quorum_rules r on r.kind = p.kind and r.humans > 0
  left join lateral (
    select v.decision, v.reason, v.cast_at from public.votes v
     where v.proposal_id = p.proposal_id and v.voter = me.voter
     order by v.revision desc limit 1) m on true;
comment on view treasury.my_ballots is
  'What I may vote on: UPDATE treasury.my_ballots SET decision = ''approve'', reason = ''…'' WHERE proposal_id = …';
grant select on treasury.my_ballots to treasury_operator;
grant update (decision, reason) on treasury.my_ballots to treasury_operator;
