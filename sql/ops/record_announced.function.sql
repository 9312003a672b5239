create or replace function ops.record_announced(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  update ops.feature_flags f set announced = x.enabled
    from jsonb_to_recordset(p_items) as x(flag text, enabled boolean)
   where f.flag = x.flag;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.record_announced(jsonb) is
  'Keep what the desk was told of a feature flag; the flag itself stays.';
grant execute on function ops.record_announced(jsonb) to orchestrator_agent;
