create or replace function ops.record_structure_models(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('ops.structure_models', 0));
  update ops.structure_models m set active = false where m.active;
  insert into ops.structure_models (model, fitted_at, rows, body, active)
  select x.model, clock_timestamp(), x.rows, x.body, true
    from jsonb_to_recordset(p_items) as x(i int, model text, rows int, body jsonb)
   order by x.i desc limit 1
  on conflict (model) do update set active = true, fitted_at = excluded.fitted_at;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.record_structure_models(jsonb) is
  'Keep a fitted forest and let it judge from now on.';
grant execute on function ops.record_structure_models(jsonb) to market_data_agent;
