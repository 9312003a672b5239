-- One statement per table for a whole batch: starting one costs more than a row of it.
create or replace function risk.keep_decisions(
  p_decided jsonb[], p_checks public.risk_checks[], p_policy_hash text, p_ttl_ms int) returns void
language plpgsql as $$
declare
  v_begun text[];
begin
  if cardinality(p_decided) > 0 then
    insert into public.intents
      (intent_id, correlation_id, org_id, account_id, strategy_id, venue_id, symbol, side,
       order_type, mode, kind, requested_quantity, authorized_quantity, notional,
       reference_price, stop_loss, take_profit, reduce_only, state, denial_code, risk_level,
       highest_utilization, policy_hash, exposure_deltas, reason_codes, latency_class,
       created_at, expires_at, decided_at)
    select x.intent_id, x.correlation_id, x.org_id, x.account_id, x.strategy_id, x.venue_id,
           x.symbol, x.side, x.order_type, x.mode, x.kind, x.quantity, x.authorized_quantity,
           x.notional, x.reference_price, x.stop_loss, x.take_profit,
           coalesce(x.reduce_only, false),
           case when x.denial_code is null then 'authorized' else 'denied' end, x.denial_code,
           x.risk_level, x.highest_utilization, p_policy_hash,
           coalesce(x.exposure_deltas, '[]'),
           -- The mark of a vote is set here and nowhere else: a message cannot claim one.
           array(select r.value from jsonb_array_elements_text(x.reason_codes) r
                  where r.value not like 'proposal:%' or x.proposal_id is not null),
           x.latency_class, x.decided_at, x.decided_at + p_ttl_ms * interval '1 millisecond',
           x.decided_at
      from unnest(p_decided) as d(body)
      cross join lateral jsonb_to_record(d.body) as x(
        intent_id uuid, correlation_id uuid, org_id text, account_id text, strategy_id text,
        venue_id text, symbol text, side text, order_type text, mode text, kind text,
        quantity numeric, authorized_quantity numeric, notional numeric,
        reference_price numeric, stop_loss numeric, take_profit numeric, reduce_only boolean,
        denial_code text, risk_level text, highest_utilization numeric, exposure_deltas jsonb,
        reason_codes jsonb, latency_class text, proposal_id uuid, decided_at timestamptz);
    with authorized as materialized (
      select x.*
        from unnest(p_decided) as d(body)
        cross join lateral jsonb_to_record(d.body) as x(
          intent_id uuid, account_id text, symbol text, side text, authorized_quantity numeric,
          notional numeric, decided_at timestamptz)
       where x.authorized_quantity is not null
    ), reserved as (
      insert into risk.reservations
        (intent_id, account_id, symbol, side, quantity, remaining_quantity, notional,
         remaining_notional, created_at)
      select x.intent_id, x.account_id, x.symbol, x.side, x.authorized_quantity,
             x.authorized_quantity, x.notional, x.notional, x.decided_at
        from authorized x
    ), counted as (
      insert into risk.order_rates as r (account_id, second, authorized)
      select x.account_id, date_trunc('second', x.decided_at), count(*)
        from authorized x
       group by 1, 2
      on conflict (account_id, second) do update set authorized = r.authorized + excluded.authorized
      returning r.account_id, r.xmax = 0 as begun
    )
    select array_agg(c.account_id) filter (where c.begun) into v_begun from counted c;
    if v_begun is not null then
      -- Once a second at most: what nobody counts any more.
      delete from risk.order_rates r
       where r.account_id = any (v_begun)
         and r.second < clock_timestamp() - interval '90 seconds';
    end if;
  end if;
  if cardinality(p_checks) > 0 then
    insert into public.risk_checks
      (intent_id, limit_kind, scope, scope_id, limit_value, observed, projected, unit, outcome,
       code, checked_at)
    select c.intent_id, c.limit_kind, c.scope, c.scope_id, c.limit_value, c.observed,
           c.projected, c.unit, c.outcome, c.code, c.checked_at
      from unnest(p_checks) c;
  end if;
end $$;
comment on function risk.keep_decisions(jsonb[], public.risk_checks[], text, int) is
  'Write the intents, reservations, rates and checks of a batch. Internal.';
