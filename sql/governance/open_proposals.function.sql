create or replace function governance.open_proposals(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_actor text := governance.acting_voter();
begin
  -- High-risk intents are proposed by policy guard alone, which gives back what they hold.
  if exists (select from jsonb_to_recordset(p_items) as x(kind text)
              where x.kind = 'high_risk_intent'
                 or not exists (select from governance.quorum_rules r where r.kind = x.kind)) then
    raise exception 'no rule for a proposal of this kind' using errcode = 'TR510';
  elsif v_actor is null or exists (
          select from jsonb_to_recordset(p_items) as x(org_id text)
           where not ops.acts_for(x.org_id)) then
    raise exception 'nobody proposes for another organisation' using errcode = 'TR501';
  elsif exists (
          select from jsonb_to_recordset(p_items) as x(kind text, subject text)
           where x.kind = 'lift_halt'
             and not exists (select from governance.halts g
                              where g.halt_id::text = x.subject and g.lifted_at is null)) then
    raise exception 'no such halt stands' using errcode = 'TR513';
  elsif exists (
          select from jsonb_to_recordset(p_items) as x(
                   org_id text, kind text, subject text, payload jsonb)
           where governance.subject_organization(x.kind, x.subject, x.payload) <> x.org_id) then
    raise exception 'this is for the people of another organisation' using errcode = 'TR501';
  elsif exists (
          select from jsonb_to_recordset(p_items) as x(kind text, subject text, payload jsonb)
           where x.kind = 'policy' and x.payload ? 'canonical' and x.subject is distinct from
                 encode(sha256(convert_to(x.payload ->> 'canonical', 'UTF8')), 'hex')) then
    raise exception 'the pack is not the one that its hash says' using errcode = 'TR338';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('governance.proposals', 0));
  insert into public.proposals
    (proposal_id, org_id, kind, subject, payload, evidence, state, proposed_by, opened_at,
     expires_at)
  select x.proposal_id, x.org_id, x.kind, x.subject,
         coalesce(x.payload, '{}') || case
           when x.kind = 'policy' and x.payload ? 'canonical' then jsonb_build_object(
             'before', (select a.policy_hash from risk.policies a where a.active))
           else '{}' end,
         governance.proposal_evidence(x.kind, x.subject, x.org_id, x.payload, x.evidence),
         'open', v_actor, clock_timestamp(),
         -- Nothing waits for votes longer than its rule allows, or a week.
         clock_timestamp() + interval '1 second' * least(
           coalesce(x.ttl_s, r.ttl_s), greatest(r.ttl_s, 604800))
    from jsonb_to_recordset(p_items) as x(
      proposal_id uuid, org_id text, kind text, subject text, payload jsonb, evidence jsonb,
      ttl_s int)
    join governance.quorum_rules r on r.kind = x.kind
   where not exists (select from public.proposals p
                      where p.kind = x.kind and p.subject = x.subject and p.org_id = x.org_id
                        and p.state = 'open'
                        and p.expires_at > clock_timestamp())
  on conflict (proposal_id) do nothing;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'proposal_id', (
                   select p.proposal_id from public.proposals p
                    where p.kind = x.kind and p.subject = x.subject and p.org_id = x.org_id
                    order by p.state = 'open' desc, p.opened_at desc limit 1))), '[]')
            from jsonb_to_recordset(p_items) as x(i int, org_id text, kind text, subject text));
end $$;
comment on function governance.open_proposals(jsonb) is
  'Put proposals before the voters; an open one of the same kind and subject is kept. TR338: a pack of another hash. TR501: another organisation''s. TR510: no rule for the kind. TR513: no such halt to lift.';
grant execute on function governance.open_proposals(jsonb)
  to risk_sentinel_agent, optimizer_agent, desk_operator, treasury_operator;
