create or replace function governance.record_halts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  perform governance.may_halt(p_items);
  return governance.stand_halts((
    select coalesce(jsonb_agg(x || '{"cause": "requested"}'), '[]')
      from jsonb_array_elements(p_items) x));
end $$;
comment on function governance.record_halts(jsonb) is
  'Halt scopes, in force with this transaction''s commit; a halted scope stays halted once. TR507: no reason. TR515: no such scope.';
grant execute on function governance.record_halts(jsonb) to desk_operator;
