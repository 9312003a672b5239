-- A check that is not known, or cannot be told, does not hold.
create or replace function governance.check_automatically(p_proposal public.proposals)
returns jsonb
language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_object_agg(c.name, coalesce(case c.name
             when 'subject_stands' then governance.subject_stands(p_proposal)
             when 'evidence_given' then p_proposal.evidence <> '{}'
             -- Of accounts that never ran in the shadow there is nothing to count.
             when 'evidence_enough' then
               p_proposal.kind = 'go_live'
               and not exists (select from public.accounts a
                                where a.account_id = p_proposal.subject and a.mode = 'shadow')
               or coalesce((p_proposal.evidence ->> 'enough')::boolean, false)
             when 'no_wide_halt' then not exists (
               select from governance.halts g
                where g.lifted_at is null
                  and (g.scope = 'platform'
                       or g.scope = 'organization' and g.scope_id = p_proposal.org_id))
             when 'amount_stated' then (p_proposal.payload ->> 'amount')::numeric > 0
                  and btrim(p_proposal.payload ->> 'currency') <> ''
             when 'reserves_cover' then exists (
               select from treasury.balances b
                where b.org_id = p_proposal.org_id
                  and b.currency = p_proposal.payload ->> 'currency'
                  and b.cash - b.buffer_min - treasury.earmarked(b.org_id, b.currency)
                      >= (p_proposal.payload ->> 'amount')::numeric)
             when 'policy_allows' then exists (
               select from risk.policies k where k.active and k.body -> 'modes' ? 'live')
           end, false)), '{}')
      from governance.quorum_rules r
     cross join lateral unnest(r.checks) as c(name)
     where r.kind = p_proposal.kind);
exception when invalid_text_representation then
  return '{"readable": false}';
end $$;
comment on function governance.check_automatically(public.proposals) is
  'Evaluate the automated checks of a proposal''s kind: name and whether it holds. Called by other procedures only.';
