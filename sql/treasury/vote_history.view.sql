-- Every vote that was cast, those that were superseded too, with what became of the proposal.
drop view if exists treasury.vote_history;
create view treasury.vote_history with (security_invoker = true) as
select v.cast_at, v.vote_id, v.proposal_id, p.org_id, p.kind, p.subject, p.proposed_by,
       v.voter, w.display_name, v.voter_kind, v.decision, v.reason, v.revision,
       not exists (select from public.votes n
                    where n.proposal_id = v.proposal_id and n.voter = v.voter
                      and n.revision > v.revision) as counts,
       p.state, p.decided_at, p.correlation_id
  from public.votes v
  join public.proposals p on p.proposal_id = v.proposal_id
  left join governance.voters w on w.voter = v.voter;
comment on view treasury.vote_history is
  'Every vote with its reason, whether it counts, and what became of the proposal.';
grant select on treasury.vote_history
  to treasury_operator, auditor, desk_operator, desk_reader;
