-- The graph is asked with the filter inside and goes on until enough passed it: without
-- iteration a filter of one in a hundred leaves half a row of ten, and nobody complains.
create or replace function intake.alike_near(
  p_org_id text, p_symbol_class text, p_known_at timestamptz, p_vector extensions.vector,
  p_count int)
returns jsonb
language plpgsql stable
-- Only the graph gives rows in order: a plan that sorts would read them all.
set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off
as $$
begin
  -- Not among the settings above: before the extension is loaded nobody may name them there.
  perform set_config('hnsw.iterative_scan', 'relaxed_order', true),
          set_config('hnsw.ef_search', '120', true);
  return (
    with found as materialized (
      select p.rationale_id, p.outcome_r,
             p.feature_vector operator(extensions.<->) p_vector as distance
        from public.precedents p
       where p.org_id = p_org_id and p.symbol_class = p_symbol_class
         and p.closed_at < p_known_at
       order by p.feature_vector operator(extensions.<->) p_vector
       limit p_count)
    select coalesce(jsonb_agg(jsonb_build_object(
             'rationale_id', t.rationale_id, 'distance', t.distance::numeric(12, 6)::text,
             'outcome_r', t.outcome_r::text) order by t.distance, t.rationale_id), '[]')
      from found t);
end $$;
comment on function intake.alike_near(text, text, timestamptz, extensions.vector, int) is
  'The nearest precedents of an organisation and class, by the graph; may find fewer than there are. Internal.';
