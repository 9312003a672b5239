-- What is on record speaks for itself: nobody brings other evidence of it.
create or replace function governance.proposal_evidence(
  p_kind text, p_subject text, p_org_id text, p_payload jsonb, p_evidence jsonb)
returns jsonb
language plpgsql stable as $$
begin
  return coalesce(case p_kind
    -- What a shadow policy did otherwise.
    when 'promote_shadow' then execution.shadow_evidence(p_subject, p_org_id)
    -- What an account did in the shadow, if it was there.
    when 'go_live' then coalesce(execution.twin_evidence(p_subject, p_org_id), p_evidence)
    -- What a model of venues would have earned, as it was judged.
    when 'venue_model' then (
      select m.evaluation from execution.venue_models m where m.model = p_subject)
    -- In what a pack differs from the one in force.
    when 'policy' then case when p_payload ? 'canonical' then jsonb_build_object('differences', (
      select coalesce(jsonb_agg(to_jsonb(c)), '[]')
        from risk.policies a
       cross join lateral risk.compare_policies(
               a.body, (p_payload ->> 'canonical')::jsonb) c
       where a.active)) else p_evidence end
    else p_evidence end, '{}');
end $$;
comment on function governance.proposal_evidence(text, text, text, jsonb, jsonb) is
  'What voters are told about a proposal''s subject: what is on record where something is, else what the proposer says. Called by other procedures only.';
