grant usage on schema public
  to desk_agents, desk_api, desk_operator, desk_reader, edge_intake, treasury_operator, auditor;

-- What people read; row level security cuts it by organisation.
grant select
  on public.organizations, public.accounts, public.strategies, public.venues, public.instruments,
     public.instrument_aliases, public.signals_raw, public.signals_normalized,
     public.strategy_rationales, public.review_queue, public.hypotheses, public.opportunities,
     public.routing_differences, public.shadow_comparisons,
     public.intents, public.risk_checks, public.orders, public.order_events, public.fills,
     public.positions, public.alert_outcomes, public.decision_traces, public.decision_deltas,
     public.compliance_alerts, public.report_snapshots, public.proposals,
     public.proposal_events, public.votes,
     public.market_bars, public.market_ticks, public.latest_quotes, public.structures,
     public.market_conviction
  to desk_reader, auditor, desk_operator, treasury_operator;
