create or replace function execution.record_opportunities(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.opportunities
    (opportunity_id, hypothesis_id, correlation_id, org_id, symbol, side, score, confidence,
     selected, code, routing_policy, strategy_id, account_id, venue_id, created_at, propensity,
     explored, notional)
  select x.opportunity_id, x.hypothesis_id, x.correlation_id, x.org_id, x.symbol, x.side,
         x.score, x.confidence, x.selected, x.code, x.routing_policy, x.strategy_id,
         x.account_id, x.venue_id, x.created_at, x.propensity, x.explored, x.notional
    from jsonb_to_recordset(p_items) as x(
      opportunity_id uuid, hypothesis_id uuid, correlation_id uuid, org_id text, symbol text,
      side text, score numeric, confidence numeric, selected boolean, code text,
      routing_policy text, strategy_id text, account_id text, venue_id text,
      created_at timestamptz, propensity numeric, explored boolean, notional numeric)
  on conflict (opportunity_id) do nothing;
  if jsonb_path_exists(p_items, '$[*].otherwise') then
    insert into public.routing_differences
      (opportunity_id, shadow, correlation_id, org_id, symbol, side, active, active_code, kind,
       code, detail, reference_price, stop_loss, take_profit, decided_at, outcome)
    select x.opportunity_id, d.shadow, x.correlation_id, x.org_id, x.symbol, x.side,
           x.routing_policy, x.code, d.kind, d.code, d.detail, x.reference_price, x.stop_loss,
           x.take_profit, x.created_at,
           -- Where neither selects, there is nothing that the market could decide.
           case d.kind when 'reasons' then 'none' else 'open' end
      from jsonb_to_recordset(p_items) as x(
        opportunity_id uuid, correlation_id uuid, org_id text, symbol text, side text, code text,
        routing_policy text, reference_price numeric, stop_loss numeric, take_profit numeric,
        created_at timestamptz, otherwise jsonb)
     cross join lateral jsonb_to_recordset(coalesce(x.otherwise, '[]')) as d(
        shadow text, kind text, code text, detail text)
    on conflict (opportunity_id, shadow) do nothing;
  end if;
  return '[]';
end $$;
comment on function execution.record_opportunities(jsonb) is
  'Keep what the router selected and what it did not, with the reason, and what shadow policies would have done otherwise; a repetition changes nothing.';
grant execute on function execution.record_opportunities(jsonb) to strategy_router_agent;
