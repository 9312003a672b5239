-- The same bytes as backend/policies/pack.py writes: sorted keys, no white space.
create or replace function risk.canonical_json(p_value jsonb) returns text
language plpgsql immutable as $$
begin
  return case jsonb_typeof(p_value)
    when 'object' then '{' || coalesce((
      select string_agg(to_json(e.key)::text || ':' || risk.canonical_json(e.value), ','
                        order by e.key collate "C")
        from jsonb_each(p_value) e), '') || '}'
    when 'array' then '[' || coalesce((
      select string_agg(risk.canonical_json(e.value), ',' order by e.nr)
        from jsonb_array_elements(p_value) with ordinality as e(value, nr)), '') || ']'
    else p_value::text end;
end $$;
comment on function risk.canonical_json(jsonb) is
  'Canonical JSON of a pack, as its hash is taken over. Internal.';
