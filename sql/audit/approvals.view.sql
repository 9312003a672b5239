create or replace view audit.approvals with (security_invoker = true) as
select q.correlation_id, q.org_id, q.proposal_id, q.kind, q.subject, q.state as proposal_state,
       q.proposed_by, q.opened_at, q.decided_at, w.voter, w.voter_kind, r.display_name,
       w.decision, w.reason, w.cast_at,
       row_number() over (partition by w.proposal_id, w.voter
                          order by w.cast_at desc, w.vote_id desc) = 1 as counts
  from public.votes w
  join public.proposals q on q.proposal_id = w.proposal_id
  left join governance.voters r on r.voter = w.voter
union all
select v.correlation_id, v.org_id, v.review_id, 'review', v.subject_id::text, v.state,
       v.reason_code, v.opened_at, v.decided_at, v.decided_by, 'human', null,
       case v.state when 'approved' then 'approve' when 'refused' then 'refuse' end,
       v.decision_reason, v.decided_at, true
  from public.review_queue v
 where v.state in ('approved', 'refused');
comment on view audit.approvals is
  'Who approved or refused what, and why: votes and reviews; `counts` marks a voter''s last word.';
grant select on audit.approvals to auditor, treasury_operator, desk_operator, desk_reader;
