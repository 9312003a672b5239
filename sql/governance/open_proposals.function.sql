create or replace function governance.open_proposals(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  -- High-risk intents are proposed by policy guard alone, which gives back what they hold.
  if exists (select from jsonb_to_recordset(p_items) as x(kind text)
              where x.kind not in ('halt', 'lift_halt', 'policy', 'parameter')) then
    raise exception 'no rule for a proposal of this kind' using errcode = 'TR510';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('governance.proposals', 0));
  insert into public.proposals
    (proposal_id, org_id, kind, subject, payload, evidence, state, proposed_by, opened_at,
     expires_at)
  select x.proposal_id, x.org_id, x.kind, x.subject, coalesce(x.payload, '{}'),
         coalesce(x.evidence, '{}'), 'open', session_user, clock_timestamp(),
         clock_timestamp() + coalesce(x.ttl_s, 3600) * interval '1 second'
    from jsonb_to_recordset(p_items) as x(
      proposal_id uuid, org_id text, kind text, subject text, payload jsonb, evidence jsonb,
      ttl_s int)
   where not exists (select from public.proposals p
                      where p.kind = x.kind and p.subject = x.subject and p.state = 'open')
  on conflict (proposal_id) do nothing;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'proposal_id', (
                   select p.proposal_id from public.proposals p
                    where p.kind = x.kind and p.subject = x.subject
                    order by p.state = 'open' desc, p.opened_at desc limit 1))), '[]')
            from jsonb_to_recordset(p_items) as x(i int, kind text, subject text));
end $$;
comment on function governance.open_proposals(jsonb) is
  'Put proposals before the voters; an open one of the same kind and subject is kept. TR510: no rule for the kind.';
grant execute on function governance.open_proposals(jsonb)
  to risk_sentinel_agent, optimizer_agent, desk_operator;
