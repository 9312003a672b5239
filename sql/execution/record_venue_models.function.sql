create or replace function execution.record_venue_models(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into execution.venue_models (model, body, rows, evaluation)
  select x.model, x.body, x.rows, x.evaluation
    from jsonb_to_recordset(p_items)
      as x(i int, model text, body jsonb, rows int, evaluation jsonb)
  on conflict (model) do nothing;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.record_venue_models(jsonb) is
  'Keep what was learned about venues as a candidate, with its evaluation; voters put it in force.';
grant execute on function execution.record_venue_models(jsonb) to housekeeping_agent;
