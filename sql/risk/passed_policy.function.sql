create or replace function risk.passed_policy(p_hash text, p_before text) returns uuid
language sql stable as $$
  -- Voters saw the difference to one pack: beside another one they would have to look again.
  select p.proposal_id from public.proposals p
   where p.kind = 'policy' and p.subject = p_hash and p.state = 'approved'
     and coalesce(p.payload ->> 'before', p_before) is not distinct from p_before
   order by p.decided_at desc limit 1
$$;
comment on function risk.passed_policy(text, text) is
  'The approved, unused proposal to change from one pack to another, or null. Internal.';
