create or replace function risk.follow_routing(p_proposal_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_proposal public.proposals;
  v_body jsonb;
begin
  select p.* into v_proposal from public.proposals p
   where p.proposal_id = p_proposal_id and p.kind in ('promote_shadow', 'parameter')
     and p.state = 'approved'
     for update;
  if not found then
    return false;
  end if;
  -- From here on nobody else changes the pack.
  perform pg_advisory_xact_lock(hashtextextended('risk.policy', 0));
  v_body := risk.derived_pack(v_proposal);
  if v_body is null then
    return false;
  end if;
  perform risk.put_pack(
    risk.canonical_json(v_body),
    (select jsonb_agg(jsonb_build_object('scope', l.scope, 'scope_id', l.scope_id,
                                         'kind', l.kind, 'value', l.value, 'unit', l.unit))
       from risk.limits l
       join risk.policies p on p.policy_hash = l.policy_hash and p.active),
    'proposal ' || p_proposal_id::text, p_proposal_id);
  return true;
end $$;
comment on function risk.follow_routing(uuid) is
  'Put the routing change of a passed proposal in force, once; false if it did not pass or no longer fits the pack in force. Called by other procedures only.';
