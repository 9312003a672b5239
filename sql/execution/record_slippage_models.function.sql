create or replace function execution.record_slippage_models(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('execution.slippage_models', 0));
  update execution.slippage_models m set active = false where m.active;
  insert into execution.slippage_models (model, fitted_at, rows, body, calibration, active)
  select x.model, clock_timestamp(), x.rows, x.body, x.calibration, true
    from jsonb_to_recordset(p_items)
      as x(i int, model text, rows int, body jsonb, calibration jsonb)
   order by x.i desc limit 1
  on conflict (model) do update set active = true, fitted_at = excluded.fitted_at;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.record_slippage_models(jsonb) is
  'Keep a fitted model of slippage and let it forecast from now on.';
grant execute on function execution.record_slippage_models(jsonb) to housekeeping_agent;
