create or replace function intake.record_hypotheses(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.hypotheses
    (hypothesis_id, signal_id, rationale_id, correlation_id, org_id, symbol, side, probability,
     evidence, window_opens_at, window_closes_at, latency_class, created_at)
  select x.hypothesis_id, x.signal_id, x.rationale_id, x.correlation_id, x.org_id, x.symbol,
         x.side, x.probability, x.evidence, x.window_opens_at, x.window_closes_at,
         x.latency_class, x.created_at
    from jsonb_to_recordset(p_items) as x(
      hypothesis_id uuid, signal_id uuid, rationale_id uuid, correlation_id uuid, org_id text,
      symbol text, side text, probability numeric, evidence jsonb,
      window_opens_at timestamptz, window_closes_at timestamptz, latency_class text,
      created_at timestamptz)
  on conflict (hypothesis_id) do nothing;
  if p_items @? '$[*].shadow_of' then
    insert into public.shadow_comparisons
      (shadow_correlation_id, correlation_id, org_id, strategy_id, account_id,
       shadow_strategy_id, shadow_account_id, symbol, side)
    select x.correlation_id, x.shadow_of, x.org_id, s.strategy_id, s.account_id, t.strategy_id,
           t.account_id, x.symbol, x.side
      from jsonb_to_recordset(p_items) as x(
        correlation_id uuid, shadow_of uuid, org_id text, strategy_id text, symbol text,
        side text)
      join public.strategies t on t.strategy_id = x.strategy_id
      join public.strategies s on s.strategy_id = t.shadow_of
     where x.shadow_of is not null
    on conflict (shadow_correlation_id) do nothing;
  end if;
  return '[]';
end $$;
comment on function intake.record_hypotheses(jsonb) is
  'Keep what the strategy analyst expects, and whom a twin is compared with; a repetition changes nothing.';
grant execute on function intake.record_hypotheses(jsonb) to strategy_analyst_agent;
