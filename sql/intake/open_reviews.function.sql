create or replace function intake.open_reviews(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.review_queue
    (review_id, correlation_id, org_id, kind, subject_id, reason_code, detail, state, opened_at)
  select x.review_id, x.correlation_id, x.org_id, x.kind, x.subject_id, x.reason_code,
         x.detail, 'open', x.opened_at
    from jsonb_to_recordset(p_items) as x(
      review_id uuid, correlation_id uuid, org_id text, kind text, subject_id uuid,
      reason_code text, detail text, opened_at timestamptz)
  on conflict (review_id) do nothing;
  return '[]';
end $$;
comment on function intake.open_reviews(jsonb) is
  'Put alerts and signals before a person, each with a reason. Repeating opens nothing twice.';
grant execute on function intake.open_reviews(jsonb)
  to intake_agent, normalizer_agent, rationale_scorer_agent;
