-- What does not change while a batch is judged, read once for all of it: the locks are held.
-- `lot`: value of one lot in account currency; `contract_rate`: of one point of one lot.
create or replace function risk.read_asked(p_items jsonb, p_body jsonb)
returns table (
  item jsonb, known boolean, refusals jsonb, code text, intent_id uuid, checked_at timestamptz,
  account_id text, org_id text, venue_id text, strategy_id text, symbol text, side text,
  currency text, requested numeric, step numeric, volume_min numeric, lot numeric,
  price numeric, mid numeric, spread numeric, quote_age_ms numeric, stop_loss numeric,
  take_profit numeric, contract_rate numeric, equity numeric, peak_equity numeric,
  day_start_equity numeric, drawdown numeric, state_age_ms numeric, margin_rate numeric,
  reduce_only boolean, sigma numeric)
language plpgsql stable as $$
#variable_conflict use_column
declare
  v_halts boolean := exists (select from governance.halts h where h.lifted_at is null);
  v_halted boolean := false;
  v_enrolled boolean;
  r record;
begin
  margin_rate := (p_body #>> '{authority,margin_rate}')::numeric;
  for r in
    select e.item, x.*, a.account_id as account, a.org_id as organization, a.venue_id as home,
           a.currency, a.state as account_state, a.mode as account_mode,
           s.strategy_id as strategy, s.state as strategy_state, s.mode as strategy_mode,
           s.account_id as strategy_account, v.state as venue_state, v.venue_id as venue,
           i.symbol as instrument, i.state as instrument_state, i.volume_step, i.volume_min,
           z.equity, z.peak_equity, z.day_start_equity, z.as_of, l.*, d.sigma
      from jsonb_array_elements(p_items) with ordinality as e(item, nr)
      cross join lateral jsonb_to_record(e.item) as x(
        intent_id uuid, org_id text, account_id text, strategy_id text, venue_id text,
        symbol text, side text, mode text, quantity numeric, reference_price numeric,
        stop_loss numeric, take_profit numeric, reduce_only boolean)
      left join public.accounts a on a.account_id = x.account_id and a.org_id = x.org_id
      left join public.strategies s on s.strategy_id = x.strategy_id and s.org_id = a.org_id
      left join public.venues v on v.venue_id = x.venue_id and v.venue_id = a.venue_id
      left join public.instruments i on i.symbol = x.symbol
      left join risk.account_state z on z.account_id = a.account_id
      left join lateral risk.lot_value(a.venue_id, i.symbol, a.currency) l on true
      left join risk.volatilities d on d.symbol = x.symbol and d.good_until > now()
     order by e.nr
  loop
    item := r.item;
    known := r.account is not null and r.strategy is not null and r.instrument is not null
      and r.venue is not null and p_body is not null and coalesce(r.quantity > 0, false);
    checked_at := clock_timestamp();
    intent_id := r.intent_id;
    account_id := r.account;
    org_id := r.organization;
    venue_id := r.home;
    strategy_id := r.strategy;
    symbol := r.instrument;
    side := r.side;
    currency := r.currency;
    requested := r.quantity;
    step := r.volume_step;
    volume_min := r.volume_min;
    lot := r.lot_value;
    price := r.reference_price;
    mid := r.mid;
    spread := r.ask - r.bid;
    quote_age_ms := round(extract(epoch from checked_at - r.received_at) * 1000);
    stop_loss := r.stop_loss;
    take_profit := r.take_profit;
    contract_rate := r.contract_size * r.rate;
    equity := case when r.equity > 0 then r.equity end;
    peak_equity := r.peak_equity;
    day_start_equity := r.day_start_equity;
    drawdown := coalesce(round(100 * greatest(r.day_start_equity - r.equity, 0)
                               / nullif(r.day_start_equity, 0), 6), 0);
    state_age_ms := round(extract(epoch from checked_at - r.as_of) * 1000);
    reduce_only := coalesce(r.reduce_only, false);
    sigma := r.sigma;
    if v_halts then
      v_halted := governance.standing_halt(
        r.organization, r.home, r.account, r.strategy, r.instrument) is not null;
    end if;
    refusals := null;
    code := null;
    -- Its own account, or one of those that the pack adds.
    v_enrolled := r.strategy_account = r.account
      or p_body #> array['venues', 'accounts', r.strategy] ? r.account;
    -- Named one by one only where one of them fails.
    if not coalesce(
         p_body is not null and r.strategy_state = 'active' and v_enrolled
         and r.venue_state = 'active' and (r.reduce_only or not v_halted)
         and r.account_state = 'active' and r.mode = r.account_mode and r.mode = r.strategy_mode
         and p_body -> 'modes' ? r.mode and r.instrument_state = 'tradable' and r.mid > 0
         and r.lot_value > 0 and r.equity > 0 and r.quantity >= r.volume_min, false) then
      select jsonb_agg(jsonb_build_object(
               'limit_kind', b.kind, 'scope', b.scope, 'scope_id', coalesce(b.scope_id, '?'),
               'unit', 'flag', 'outcome', 'denied', 'code', b.code) order by b.nr),
             (array_agg(b.code order by b.nr))[1]
        into refusals, code
        from (values
          (1, 'policy_active', 'platform', '*', p_body is not null, 'TR306'),
          (2, 'account_known', 'account', r.account_id, r.equity is not null, 'TR304'),
          (3, 'strategy_active', 'strategy', r.strategy_id,
           r.strategy_state = 'active', 'TR330'),
          (4, 'account_enrolled', 'account', r.account_id, v_enrolled, 'TR351'),
          (5, 'venue_open', 'venue', r.venue_id, r.venue_state = 'active', 'TR331'),
          (6, 'instrument_known', 'instrument', r.symbol, r.instrument is not null, 'TR332'),
          (7, 'no_halt', 'account', r.account_id, r.reduce_only or not v_halted, 'TR403'),
          (8, 'account_active', 'account', r.account_id, r.account_state = 'active', 'TR305'),
          (9, 'mode_allowed', 'account', r.account_id,
           r.mode = r.account_mode and r.mode = r.strategy_mode and p_body -> 'modes' ? r.mode,
           'TR323'),
          (10, 'instrument_tradable', 'instrument', r.symbol,
           r.instrument_state = 'tradable', 'TR322'),
          (11, 'quote_known', 'instrument', r.symbol, r.mid > 0, 'TR302'),
          (12, 'rate_known', 'account', r.account_id, r.mid is null or r.lot_value > 0, 'TR336'),
          (13, 'equity_positive', 'account', r.account_id,
           r.equity is null or r.equity > 0, 'TR615'),
          (14, 'quantity_enough', 'instrument', r.symbol, r.quantity >= r.volume_min, 'TR329')
        ) as b(nr, kind, scope, scope_id, ok, code)
       where not coalesce(b.ok, false);
    end if;
    return next;
  end loop;
end $$;
comment on function risk.read_asked(jsonb, jsonb) is
  'Read accounts, instruments, quotes and halts of a batch of intents, and what of them denies whatever the limits say. Internal.';
