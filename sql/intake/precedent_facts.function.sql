-- Asked only for what was first seen with this batch: everything else comes with the other facts.
create or replace function intake.precedent_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
begin
  return (
    with asked as materialized (
      select x.i, x.vector, g.org_id, g.symbol_class, g.received_at
        from jsonb_to_recordset(p_items) as x(i int, signal_id uuid, vector text)
        join public.signals_normalized g on g.signal_id = x.signal_id
    ), found as materialized (
      select a.nr, a.precedents
        from intake.alike((
               select coalesce(jsonb_agg(jsonb_build_object(
                        'nr', q.i, 'vector', q.vector, 'org_id', q.org_id,
                        'symbol_class', q.symbol_class, 'known_at', q.received_at)), '[]')
                 from asked q), 5) a
    )
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i, 'precedents', coalesce(f.precedents, '[]'))), '[]')
      from jsonb_to_recordset(p_items) as x(i int)
      left join found f on f.nr = x.i);
end $$;
comment on function intake.precedent_facts(jsonb) is
  'Precedents of signals whose bars were read only now.';
grant execute on function intake.precedent_facts(jsonb) to rationale_scorer_agent;
