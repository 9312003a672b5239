create or replace function risk.approved_item(p_item jsonb) returns jsonb
language sql stable as $$
  select coalesce((
    select jsonb_build_object(
             'i', p_item -> 'i', 'intent_id', p_item ->> 'intent_id',
             'proposal_id', p.proposal_id, 'kind', n.kind, 'correlation_id', n.correlation_id,
             'org_id', n.org_id, 'account_id', n.account_id, 'strategy_id', n.strategy_id,
             'venue_id', n.venue_id, 'symbol', n.symbol, 'side', n.side,
             'order_type', n.order_type, 'mode', n.mode,
             -- Voters saw what authority had left of the request; more than that needs a new vote.
             'quantity', n.authorized_quantity::text,
             'reference_price', n.reference_price::text, 'stop_loss', n.stop_loss::text,
             'take_profit', n.take_profit::text, 'reduce_only', n.reduce_only,
             'latency_class', n.latency_class, 'exposure_deltas', n.exposure_deltas,
             'reason_codes', to_jsonb(n.reason_codes || ('proposal:' || p.proposal_id::text)))
      from public.proposals p
      join public.intents n on n.intent_id = p.subject::uuid and n.state = 'approved'
     where p.proposal_id = (p_item ->> 'proposal_id')::uuid and p.kind = 'high_risk_intent'
       and p.state in ('approved', 'executed')),
    p_item || '{"quantity": "0"}')
$$;
comment on function risk.approved_item(jsonb) is
  'Ask again for an intent that its vote approved, as a new intent; quantity 0 if no such vote passed. Internal.';
