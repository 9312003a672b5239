create or replace function execution.record_opportunities(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.opportunities
    (opportunity_id, hypothesis_id, correlation_id, org_id, symbol, side, score, confidence,
     selected, code, routing_policy, strategy_id, account_id, venue_id, created_at)
  select x.opportunity_id, x.hypothesis_id, x.correlation_id, x.org_id, x.symbol, x.side,
         x.score, x.confidence, x.selected, x.code, x.routing_policy, x.strategy_id,
         x.account_id, x.venue_id, x.created_at
    from jsonb_to_recordset(p_items) as x(
      opportunity_id uuid, hypothesis_id uuid, correlation_id uuid, org_id text, symbol text,
      side text, score numeric, confidence numeric, selected boolean, code text,
      routing_policy text, strategy_id text, account_id text, venue_id text,
      created_at timestamptz)
  on conflict (opportunity_id) do nothing;
  return '[]';
end $$;
comment on function execution.record_opportunities(jsonb) is
  'Keep what the router selected and what it did not, with the reason; a repetition changes nothing.';
grant execute on function execution.record_opportunities(jsonb) to strategy_router_agent;
