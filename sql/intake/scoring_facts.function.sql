-- Bars travel once per symbol, timeframe and batch, and only if the worker's own are older:
-- `have` names what it holds as `M15@2026-11-21T03:30:00Z`.
create or replace function intake.scoring_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
-- Plans outlive the small tables they were made for: index lookups alone keep their price.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_policy_hash text;
  v_policy jsonb;
  v_weights text;
  v_item jsonb;
  v_review record;
  v_signal record;
  v_full jsonb;
  v_strategy_id text;
  v_venue_id text;
  v_key text;
  v_bars record;
  v_refs jsonb := '{}';
  v_convictions jsonb := '{}';
  v_rows jsonb;
  v_quote record;
  v_prior jsonb;
  v_alike jsonb := '[]';
  v_current boolean;
  v_facts jsonb[] := '{}';
begin
  select p.policy_hash,
         (p.body -> 'scoring') || jsonb_build_object(
           'quote_age_ms_max', p.body #> '{health,quote_age_ms_max}')
    into v_policy_hash, v_policy
    from risk.policies p where p.active;
  select w.line into v_weights from intake.scoring_weights w where w.state = 'active';
  -- Item by item, by key: for the few items of a batch that costs less than starting one large
  -- query.
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> i;
    v_full := null;
    select v.review_id, v.reason_code, v.subject_id into v_review
      from public.review_queue v
     where v.review_id = (v_item ->> 'review_id')::uuid and v.kind = 'signal'
       and v.state = 'approved';
    select g.signal_id, g.org_id, g.symbol, g.symbol_class, g.side, g.timeframe, g.strategy_id,
           g.received_at
      into v_signal
      from public.signals_normalized g
     where g.signal_id = coalesce((v_item ->> 'signal_id')::uuid, v_review.subject_id);
    if v_review.review_id is not null then
      select jsonb_build_object(
               'signal_id', g.signal_id, 'alert_id', g.alert_id, 'symbol', g.symbol,
               'symbol_class', g.symbol_class, 'side', g.side, 'order_type', g.order_type,
               'price', g.price::text, 'stop_loss', g.stop_loss::text,
               'take_profit', g.take_profit::text, 'quantity', g.quantity::text,
               'timeframe', g.timeframe, 'session', g.session, 'source_time', g.source_time,
               'received_at', g.received_at, 'strategy_id', g.strategy_id, 'mode', g.mode)
        into v_full
        from public.signals_normalized g where g.signal_id = v_signal.signal_id;
    end if;
    v_rows := null;
    v_key := concat_ws('|', v_signal.symbol, v_signal.timeframe, v_item ->> 'have');
    if not v_refs ? v_key then
      v_bars := intake.newest_bar(
        v_signal.symbol, v_signal.timeframe, v_item ->> 'have', v_now);
      v_refs := v_refs || jsonb_build_object(v_key, v_bars.ref);
      if v_bars.ref is distinct from v_item ->> 'have' then
        select jsonb_agg(jsonb_build_array(
                 (extract(epoch from m.opened_at) * 1000000)::bigint,
                 m.open, m.high, m.low, m.close, m.volume, m.spread) order by m.opened_at)
          into v_rows
          from (select k.opened_at, k.open, k.high, k.low, k.close, k.volume, k.spread
                  from public.market_bars k
                 where k.symbol = v_signal.symbol and k.timeframe = v_bars.timeframe
                   and k.opened_at <= v_bars.opened_at
                   and k.opened_at > v_bars.opened_at - v_bars.reach
                 order by k.opened_at desc limit 200) m;
      end if;
      -- Readers vote after a bar has closed: what they said comes anew with every batch.
      v_convictions := v_convictions || jsonb_build_object(v_key, (
        select jsonb_build_object(
                 'opened_at', c.opened_at, 'up', c.up::text, 'down', c.down::text,
                 'high_up', c.high_up, 'high_down', c.high_down,
                 'outlier_up', c.outlier_up, 'outlier_down', c.outlier_down)
          from public.market_conviction c
         where c.symbol = v_signal.symbol and c.timeframe = v_bars.timeframe
           and c.opened_at <= v_bars.opened_at
         order by c.opened_at desc limit 1));
    end if;
    if v_strategy_id is distinct from v_signal.strategy_id then
      v_strategy_id := v_signal.strategy_id;
      select c.venue_id into v_venue_id
        from public.strategies t
        join public.accounts c on c.account_id = t.account_id
       where t.strategy_id = v_strategy_id;
    end if;
    select u.bid, u.ask, u.quoted_at, u.received_at, u.volume_delta, u.depth_imbalance
      into v_quote
      from public.latest_quotes u
     where u.venue_id = v_venue_id and u.symbol = v_signal.symbol;
    select jsonb_build_object(
             'rationale_id', r.rationale_id, 'score', r.score::text,
             'confidence', r.confidence::text, 'axes', r.axes, 'sentence', r.sentence,
             'contributions', r.contributions, 'conflicts', r.conflicts,
             'precedents', r.precedents, 'weights_version', r.weights_version,
             'passed', r.passed)
      into v_prior
      from public.strategy_rationales r where r.signal_id = v_signal.signal_id;
    -- A vector of older bars than these would find other precedents: it is asked again.
    v_current := v_item ? 'vector' and v_refs ->> v_key = v_item ->> 'have';
    if v_current then
      v_alike := v_alike || jsonb_build_object(
        'nr', i + 1, 'vector', v_item -> 'vector', 'org_id', v_signal.org_id,
        'symbol_class', v_signal.symbol_class, 'known_at', v_signal.received_at);
    end if;
    v_facts := array_append(v_facts, jsonb_build_object(
      'i', v_item -> 'i',
      'bars_ref', v_refs -> v_key,
      'bars', v_rows,
      'conviction', v_convictions -> v_key,
      'quote', case when v_quote.bid is not null then jsonb_build_object(
        'bid', v_quote.bid::text, 'ask', v_quote.ask::text, 'quoted_at', v_quote.quoted_at,
        'received_at', v_quote.received_at, 'volume_delta', v_quote.volume_delta::text,
        'depth_imbalance', v_quote.depth_imbalance::text) end,
      'precedents', case when v_current then '[]'::jsonb end,
      'approved', v_review.reason_code,
      'signal', v_full,
      'prior', v_prior,
      'weights', v_weights, 'policy', v_policy, 'policy_hash', v_policy_hash));
  end loop;

  if v_alike <> '[]' then
    for v_bars in select a.nr, a.precedents from intake.alike(v_alike, 5) a loop
      v_facts[v_bars.nr] := v_facts[v_bars.nr]
        || jsonb_build_object('precedents', v_bars.precedents);
    end loop;
  end if;
  return to_jsonb(v_facts);
end $$;
comment on function intake.scoring_facts(jsonb) is
  'Finished bars of a signal''s timeframe (or the next one that has any), what readers make of their structures, last quote, precedents, threshold, weights. Bars only once per batch and only when the caller''s are older.';
grant execute on function intake.scoring_facts(jsonb) to rationale_scorer_agent;
