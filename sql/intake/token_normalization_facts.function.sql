-- For doors that only want to know: the token stands for its source, nothing is stored. Answers
-- like intake.normalization_facts, or {"i", "status": "refused", "code"}.
create or replace function intake.token_normalization_facts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_item record;
  v_source record;
  v_refusal text;
  v_facts jsonb;
  v_answers jsonb := '[]';
begin
  for v_item in
    select x.i, decode(x.token_sha256, 'hex') as token_sha256, x.symbol_raw, x.exchange
      from jsonb_to_recordset(p_items) as x(
        i int, token_sha256 text, symbol_raw text, exchange text)
  loop
    select s.source_id, s.rate_per_minute, s.max_age_ms, c.venue_id,
           t.revoked_at is null and coalesce(t.valid_until > v_now, true)
             and s.state = 'active' as active
      into v_source
      from intake.source_tokens t
      join intake.sources s on s.source_id = t.source_id
      join public.strategies g on g.strategy_id = s.strategy_id
      join public.accounts c on c.account_id = g.account_id
     where t.token_sha256 = v_item.token_sha256;
    v_refusal := null;
    if not found then
      v_refusal := 'TR201';
    elsif not v_source.active then
      v_refusal := 'TR202';
    elsif not intake.spend(v_source.source_id, v_source.rate_per_minute, v_now) then
      v_refusal := 'TR204';
    end if;
    if v_refusal is not null then
      v_answers := v_answers || jsonb_build_object(
        'i', v_item.i, 'status', 'refused', 'code', v_refusal);
      continue;
    end if;
    v_facts := intake.normalization_facts(jsonb_build_array(jsonb_build_object(
      'i', v_item.i, 'symbol_raw', v_item.symbol_raw, 'exchange', v_item.exchange))) -> 0;
    v_answers := v_answers || jsonb_build_object(
      'i', v_item.i, 'instruments', v_facts -> 'instruments', 'policy', v_facts -> 'policy',
      'policy_hash', v_facts -> 'policy_hash', 'max_age_ms', v_source.max_age_ms,
      'quotes', (select jsonb_object_agg(q.symbol, jsonb_build_object(
                          'bid', q.bid::text, 'ask', q.ask::text, 'as_of', q.received_at))
                   from jsonb_array_elements(v_facts -> 'instruments') n
                   join public.latest_quotes q
                     on q.venue_id = v_source.venue_id and q.symbol = n.value ->> 'symbol'));
  end loop;
  return v_answers;
end $$;
comment on function intake.token_normalization_facts(jsonb) is
  'What the Normalizer would be told of a symbol, for the holder of a source''s token. Refused: TR201 unknown token, TR202 revoked token, TR204 too fast.';
grant execute on function intake.token_normalization_facts(jsonb) to edge_intake;
