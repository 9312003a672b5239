create or replace function ops.set_flags(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into ops.feature_flags as held (flag, enabled, note, updated_at)
  select x.flag, x.enabled, x.note, clock_timestamp()
    from jsonb_to_recordset(p_items) as x(flag text, enabled boolean, note text)
   order by x.flag
  on conflict (flag) do update
     set enabled = excluded.enabled, note = coalesce(excluded.note, held.note),
         updated_at = excluded.updated_at;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.set_flags(jsonb) is
  'Turn feature flags on or off; the orchestrator announces the change.';
grant execute on function ops.set_flags(jsonb) to desk_operator;
