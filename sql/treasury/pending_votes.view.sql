-- What waits for votes, how far each has come, and for whom it still waits.
drop view if exists treasury.pending_votes;
create view treasury.pending_votes with (security_invoker = true) as
select p.proposal_id, p.org_id, p.kind, p.subject, p.payload, p.evidence, p.proposed_by,
       p.opened_at, p.expires_at, p.correlation_id,
       r.humans as humans_needed, t.humans_approved,
       r.personas as personas_needed, t.personas_approved, t.refused,
       (select coalesce(array_agg(n.name order by n.name), '{}')
          from (select unnest(r.electorate) as name where r.personas > t.personas_approved
                except
                select w.persona from governance.voters w
                 where w.voter = any (t.voters) and w.persona is not null) n)
         || case when r.humans > t.humans_approved
                 then array[(r.humans - t.humans_approved)::text || ' of treasury_operator']
                 else '{}' end as waits_for,
       r.why
  from public.proposals p
  join governance.quorum_rules r on r.kind = p.kind
 cross join lateral (
   select count(*) filter (where y.approves and y.kind = 'human') as humans_approved,
          count(*) filter (where y.approves and y.persona = any (r.electorate))
            as personas_approved,
          count(*) filter (where not y.approves) as refused,
          array_agg(y.voter) as voters
     from (select distinct on (v.voter) v.voter, v.decision = 'approve' as approves,
                  w.kind, w.persona
             from public.votes v
             join governance.voters w on w.voter = v.voter and w.state = 'active'
            where v.proposal_id = p.proposal_id and v.voter <> p.proposed_by
            order by v.voter, v.revision desc) y) t
 where p.state = 'open' and p.expires_at > clock_timestamp();
comment on view treasury.pending_votes is
  'What waits for votes, with why, how far it has come and whose votes are missing.';
grant select on treasury.pending_votes
  to treasury_operator, auditor, desk_operator, desk_reader;
