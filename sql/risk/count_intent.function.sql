create or replace function risk.count_intent(p_rates jsonb, p_item jsonb, p_reaches text[])
returns jsonb
language sql stable as $$
  -- Another account's wide counts grow as well: both stand inside the same scope or are
  -- counted once too often, which only ever denies.
  select coalesce(jsonb_object_agg(r.key, r.value::bigint + case
           when r.key = (p_item ->> 'account_id') || '/account' or r.key not like '%/account'
           then 1 else 0 end), '{}')
    from jsonb_each_text(p_rates) r
$$;
comment on function risk.count_intent(jsonb, jsonb, text[]) is
  'Add an intent that was just authorised to the rates of its batch. Internal.';
