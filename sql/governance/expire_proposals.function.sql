create or replace function governance.expire_proposals(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_due uuid[];
  v_expired int;
begin
  v_due := array(
    select p.proposal_id from public.proposals p
     where p.state = 'open' and p.expires_at <= clock_timestamp()
     order by p.proposal_id
     limit 500
       for update skip locked);
  select count(*) filter (where governance.settle_proposal(d) = 'expired') into v_expired
    from unnest(v_due) d;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'expired', v_expired)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function governance.expire_proposals(jsonb) is
  'End proposals that nobody decided in time, and the intents that waited for them.';
grant execute on function governance.expire_proposals(jsonb) to housekeeping_agent;
