-- What became of earlier signals, as far as it was known before now: read once for a batch.
create or replace function intake.alike(p_asked jsonb, p_now timestamptz)
returns table (nr int, precedents jsonb)
language plpgsql stable as $$
#variable_conflict use_column
begin
  return query
  with q as materialized (
    select x.nr, x.vector::extensions.vector as vector, x.org_id, x.side, x.symbol_class
      from jsonb_to_recordset(p_asked) as x(
        nr int, vector text, org_id text, side text, symbol_class text)
     where x.vector is not null
  ), past as materialized (
    select r.rationale_id, r.org_id, r.side, n.symbol_class, r.feature_vector, d.delta
      from (select distinct q.org_id from q) o
      cross join lateral (
        select k.correlation_id, k.delta from public.decision_deltas k
         where k.org_id = o.org_id and k.closed_at < p_now
         order by k.closed_at desc limit 300) d
      cross join lateral (
        -- Not flattened (offset 0): one look by key each, whatever size tables had when planned.
        select k.rationale_id, k.org_id, k.symbol, k.side, k.feature_vector
          from public.strategy_rationales k
         where k.correlation_id = d.correlation_id
        offset 0) r
      join public.instruments n on n.symbol = r.symbol
  )
  select q.nr, jsonb_agg(jsonb_build_object(
           'rationale_id', t.rationale_id, 'distance', t.distance::numeric(12, 6)::text,
           'delta', t.delta::text) order by t.distance, t.rationale_id)
    from q
    cross join lateral (
      select p.rationale_id, p.delta,
             p.feature_vector operator(extensions.<->) q.vector as distance
        from past p
       where p.org_id = q.org_id and p.side = q.side and p.symbol_class = q.symbol_class
       order by 3, 1 limit 3) t
   group by q.nr;
end $$;
comment on function intake.alike(jsonb, timestamptz) is
  'The three decided signals of the same side and class that were most like each asked vector, with what they came to. Internal.';
