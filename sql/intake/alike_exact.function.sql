-- Adding zero keeps the planner off the graph: this reads the whole group, and only its index.
create or replace function intake.alike_exact(
  p_org_id text, p_symbol_class text, p_known_at timestamptz, p_vector extensions.vector,
  p_count int)
returns jsonb
language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'rationale_id', t.rationale_id, 'distance', t.distance::numeric(12, 6)::text,
             'outcome_r', t.outcome_r::text) order by t.distance, t.rationale_id), '[]')
      from (select p.rationale_id, p.outcome_r,
                   (p.feature_vector operator(extensions.<->) p_vector) + 0 as distance
              from public.precedents p
             where p.org_id = p_org_id and p.symbol_class = p_symbol_class
               and p.closed_at < p_known_at
             order by 3, 1
             limit p_count) t);
end $$;
comment on function intake.alike_exact(text, text, timestamptz, extensions.vector, int) is
  'The nearest precedents of an organisation and class that had closed before an instant, by looking at each. Internal.';
