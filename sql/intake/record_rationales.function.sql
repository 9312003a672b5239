create or replace function intake.record_rationales(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.strategy_rationales
    (rationale_id, signal_id, correlation_id, org_id, symbol, side, score, confidence, axes,
     features, feature_vector, contributions, conflicts, unknown, precedents, sentence,
     weights_version, threshold, passed, scored_at)
  select x.rationale_id, x.signal_id, x.correlation_id, x.org_id, x.symbol, x.side, x.score,
         x.confidence, x.axes, x.features, x.feature_vector::extensions.vector,
         x.contributions, x.conflicts, coalesce(x.unknown, '{}'), x.precedents, x.sentence,
         x.weights_version, x.threshold, x.score >= x.threshold, x.scored_at
    from jsonb_to_recordset(p_items) as x(
      rationale_id uuid, signal_id uuid, correlation_id uuid, org_id text, symbol text,
      side text, score numeric, confidence numeric, axes jsonb, features jsonb,
      feature_vector text, contributions jsonb, conflicts jsonb, unknown text[],
      precedents uuid[], sentence text, weights_version text, threshold numeric,
      scored_at timestamptz)
  on conflict (signal_id) do nothing;
  return '[]';
end $$;
comment on function intake.record_rationales(jsonb) is
  'Keep what a signal''s score is made of, one per signal; whether it passed follows from score and threshold.';
grant execute on function intake.record_rationales(jsonb) to rationale_scorer_agent;
