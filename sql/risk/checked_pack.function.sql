create or replace function risk.checked_pack(p_items jsonb) returns jsonb
language plpgsql stable as $$
declare
  v_canonical text := p_items -> 0 ->> 'canonical';
  v_limits jsonb := p_items -> 0 -> 'limits';
  v_body jsonb;
begin
  if jsonb_array_length(p_items) <> 1 or v_canonical is null
     or jsonb_typeof(v_limits) is distinct from 'array' or v_limits = '[]' then
    raise exception 'one pack with its limits is applied at a time' using errcode = 'TR338';
  end if;
  begin
    v_body := v_canonical::jsonb;
  exception when invalid_text_representation then
    raise exception 'the pack is no JSON' using errcode = 'TR338';
  end;
  if v_body ->> 'name' is null or v_body ->> 'version' is null
     or jsonb_typeof(v_body -> 'modes') is distinct from 'array'
     or (select count(*) from jsonb_to_recordset(v_limits) as x(
           scope text, scope_id text, kind text, value numeric, unit text)
          join risk.limit_kinds() k on k.kind = x.kind and k.unit = x.unit
         where x.value >= 0
           and v_body #>> (case x.scope when 'platform' then array['limits', x.scope, x.kind]
                           else array['limits', x.scope, x.scope_id, x.kind] end)
               = x.value::text)
        <> jsonb_array_length(v_limits)
     or (select count(*) from jsonb_each(v_body -> 'limits' -> 'platform'))
      + (select count(*) from jsonb_each(v_body -> 'limits') s, jsonb_each(s.value) d,
                jsonb_each(d.value) k where s.key <> 'platform')
        <> jsonb_array_length(v_limits) then
    raise exception 'the pack and its limits do not agree' using errcode = 'TR338';
  end if;
  return v_body;
end $$;
comment on function risk.checked_pack(jsonb) is
  'The body of a pack whose rows of limits agree with its text. TR338: they do not. Internal.';
