create or replace function risk.count_condition(
  p_conditions jsonb, p_strategy_id text, p_symbol text) returns jsonb
language plpgsql immutable as $$
declare
  v_strategy text := 'strategy/' || p_strategy_id;
  v_symbol text := 'instrument/' || p_symbol;
begin
  return jsonb_set(p_conditions, '{rates}', (p_conditions -> 'rates') || jsonb_build_object(
    v_strategy, coalesce((p_conditions #>> array['rates', v_strategy])::int, 0) + 1,
    v_symbol, coalesce((p_conditions #>> array['rates', v_symbol])::int, 0) + 1));
end $$;
comment on function risk.count_condition(jsonb, text, text) is
  'Add an intent that was just authorised to the rates of its strategy and symbol. Internal.';
