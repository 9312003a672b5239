create or replace function governance.expire_proposals(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_expired jsonb;
begin
  with over as (
    select p.proposal_id from public.proposals p
     where p.state = 'open' and p.expires_at <= clock_timestamp()
     order by p.proposal_id
     limit 500
       for update skip locked
  ), expired as (
    update public.proposals p set state = 'expired', decided_at = clock_timestamp()
      from over o where p.proposal_id = o.proposal_id
    returning p.proposal_id, p.kind, p.subject
  ), refused as (
    update public.intents n set state = 'expired', decided_at = clock_timestamp()
      from expired e
     where e.kind = 'high_risk_intent' and n.intent_id::text = e.subject
       and n.state = 'awaiting_vote'
    returning n.correlation_id, n.org_id, n.kind
  )
  select jsonb_build_object(
           'proposals', (select count(*) from expired),
           'intents', (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from refused r))
    into v_expired;
  perform ops.record_outcome(x.correlation_id, x.org_id, 'expired', 'TR503', 'policy_guard',
                             clock_timestamp())
     from jsonb_to_recordset(v_expired -> 'intents') as x(
       correlation_id uuid, org_id text, kind text)
    where x.kind = 'allocate';
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'expired', v_expired -> 'proposals')), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function governance.expire_proposals(jsonb) is
  'End proposals that nobody decided in time, and the intents that waited for them.';
grant execute on function governance.expire_proposals(jsonb) to housekeeping_agent;
