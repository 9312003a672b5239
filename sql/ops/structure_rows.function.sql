create or replace function ops.structure_rows(p_items jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  -- What a person called odd teaches nothing about what is usual.
  select coalesce(jsonb_agg(jsonb_build_object(
           'i', x.i,
           'fitted_at', (select m.fitted_at from ops.structure_models m where m.active),
           'outlier_share', (select p.body #>> '{conviction,outlier_share}'
                               from risk.policies p where p.active),
           'rows', (select coalesce(jsonb_agg(s.features), '[]')
                      from (select k.features from public.structures k
                             where k.verdict is distinct from 'odd'
                             order by k.known_at desc, k.structure_id
                             limit x.rows_max) s))), '[]')
    from jsonb_to_recordset(p_items) as x(i int, rows_max int)
$$;
comment on function ops.structure_rows(jsonb) is
  'Features of the newest structures, for fitting what tells the unusual ones apart.';
grant execute on function ops.structure_rows(jsonb) to market_data_agent;
