create or replace function risk.count_intent(p_rates jsonb, p_account_id text) returns jsonb
language plpgsql stable as $$
declare
  v_own text[] := array[p_account_id, 'account'];
begin
  if (p_rates -> p_account_id) - 'account' = '{}' then
    return jsonb_set(p_rates, v_own, to_jsonb((p_rates #>> v_own)::bigint + 1));
  end if;
  -- Wide counts of other accounts grow as well: where they stand in another scope they are one
  -- too high until the batch ends, which only ever denies.
  return (
    select jsonb_object_agg(a.key, (
             select jsonb_object_agg(r.key, r.value::bigint + case
                      when r.key <> 'account' or a.key = p_account_id then 1 else 0 end)
               from jsonb_each_text(a.value) r))
      from jsonb_each(p_rates) a);
end $$;
comment on function risk.count_intent(jsonb, text) is
  'Add an intent that was just authorised to the rates of its batch. Internal.';
