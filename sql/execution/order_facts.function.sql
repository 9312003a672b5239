create or replace function execution.order_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_body jsonb;
begin
  select p.policy_hash, p.body into v_policy_hash, v_body from risk.policies p where p.active;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i,
             'intent', case when n.intent_id is null then null else jsonb_build_object(
               'state', n.state, 'authorized_quantity', n.authorized_quantity::text,
               'expires_at', n.expires_at, 'policy_hash', n.policy_hash, 'side', n.side,
               'symbol', n.symbol, 'venue_id', n.venue_id, 'account_id', n.account_id,
               'kind', n.kind) end,
             'instrument', case when s.symbol is null then null else jsonb_build_object(
               'volume_min', s.volume_min::text, 'volume_max', s.volume_max::text,
               'volume_step', s.volume_step::text) end,
             'refusal', execution.open_refusal(n, v_policy_hash),
             'ordered', (select count(*) from public.orders o where o.intent_id = n.intent_id),
             'slicing', v_body -> 'slicing', 'execution', v_body -> 'execution',
             'policy_hash', v_policy_hash)), '[]')
      from jsonb_to_recordset(p_items) as x(i int, intent_id uuid)
      left join public.intents n on n.intent_id = x.intent_id
      left join public.instruments s on s.symbol = n.symbol);
end $$;
comment on function execution.order_facts(jsonb) is
  'What an order is cut by: the intent as authorised, the instrument''s steps, the pack, and the code for which no order would be opened now.';
grant execute on function execution.order_facts(jsonb) to order_agent;
