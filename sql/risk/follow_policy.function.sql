create or replace function risk.follow_policy(p_proposal_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_proposal public.proposals;
begin
  select p.* into v_proposal from public.proposals p
   where p.proposal_id = p_proposal_id and p.kind = 'policy' and p.state = 'approved'
     for update;
  -- What voters were told is the subject: a pack of another hash is not what passed.
  if not found or v_proposal.payload ->> 'canonical' is null
     or v_proposal.subject
        <> encode(sha256(convert_to(v_proposal.payload ->> 'canonical', 'UTF8')), 'hex')
     or risk.passed_policy(v_proposal.subject, (
          select a.policy_hash from risk.policies a where a.active)) is null then
    return false;
  end if;
  perform risk.install_policy(jsonb_build_array(jsonb_build_object(
    'i', 0, 'canonical', v_proposal.payload -> 'canonical',
    'limits', v_proposal.payload -> 'limits',
    'applied_by', 'proposal ' || p_proposal_id::text)));
  return true;
end $$;
comment on function risk.follow_policy(uuid) is
  'Apply the pack of a passed proposal, once; false if it did not pass or the pack in force is no longer the one it was compared with. Called by other procedures only.';
