-- What does not change while a batch is judged, read once for all of it: the locks are held, and
-- the book, which does change, is measured intent by intent.
create or replace function risk.read_intents(p_items jsonb, p_body jsonb)
returns table (item jsonb, known boolean, fact jsonb, refusals jsonb, code text, lot numeric,
               drawdown numeric)
language plpgsql stable as $$
begin
  return query
  select e.item,
         a.account_id is not null and s.strategy_id is not null and i.symbol is not null
           and v.venue_id is not null and p_body is not null and x.quantity > 0,
         jsonb_build_object(
           'intent_id', x.intent_id, 'checked_at', t.now, 'account_id', a.account_id,
           'org_id', a.org_id, 'venue_id', a.venue_id, 'strategy_id', s.strategy_id,
           'symbol', i.symbol, 'side', x.side, 'currency', a.currency,
           'requested', x.quantity, 'step', i.volume_step, 'volume_min', i.volume_min,
           'lot', l.lot_value, 'price', x.reference_price, 'mid', l.mid,
           'spread', l.ask - l.bid,
           'quote_age_ms', round(extract(epoch from t.now - l.received_at) * 1000),
           'stop_loss', x.stop_loss, 'take_profit', x.take_profit,
           'contract_rate', l.contract_size * l.rate,
           'equity', case when z.equity > 0 then z.equity end,
           'peak_equity', z.peak_equity, 'day_start_equity', z.day_start_equity,
           'state_age_ms', round(extract(epoch from t.now - z.as_of) * 1000),
           'margin_rate', p_body #> '{authority,margin_rate}',
           'reduce_only', coalesce(x.reduce_only, false)),
         r.refusals, r.code, l.lot_value,
         coalesce(round(100 * greatest(z.day_start_equity - z.equity, 0)
                        / nullif(z.day_start_equity, 0), 6), 0)
    from jsonb_array_elements(p_items) with ordinality as e(item, nr)
    cross join lateral jsonb_to_record(e.item) as x(
      intent_id uuid, org_id text, account_id text, strategy_id text, venue_id text,
      symbol text, side text, mode text, quantity numeric, reference_price numeric,
      stop_loss numeric, take_profit numeric, reduce_only boolean)
    cross join (select clock_timestamp() as now) t
    left join public.accounts a on a.account_id = x.account_id and a.org_id = x.org_id
    left join public.strategies s on s.strategy_id = x.strategy_id and s.org_id = a.org_id
    left join public.venues v on v.venue_id = x.venue_id and v.venue_id = a.venue_id
    left join public.instruments i on i.symbol = x.symbol
    left join risk.account_state z on z.account_id = a.account_id
    left join lateral risk.lot_value(a.venue_id, i.symbol, a.currency) l on true
    cross join lateral (
      select jsonb_agg(jsonb_build_object(
               'limit_kind', b.kind, 'scope', b.scope, 'scope_id', coalesce(b.scope_id, '?'),
               'unit', 'flag', 'outcome', 'denied', 'code', b.code) order by b.nr) as refusals,
             (array_agg(b.code order by b.nr))[1] as code
        from (values
          (1, 'policy_active', 'platform', '*', p_body is not null, 'TR306'),
          (2, 'account_known', 'account', x.account_id, z.equity is not null, 'TR304'),
          (3, 'strategy_active', 'strategy', x.strategy_id,
           s.state = 'active' and s.account_id = a.account_id, 'TR330'),
          (4, 'venue_open', 'venue', x.venue_id, v.state = 'active', 'TR331'),
          (5, 'instrument_known', 'instrument', x.symbol, i.symbol is not null, 'TR332'),
          (6, 'no_halt', 'account', x.account_id,
           x.reduce_only or governance.standing_halt(
             a.org_id, a.venue_id, a.account_id, s.strategy_id, i.symbol) is null, 'TR403'),
          (7, 'account_active', 'account', x.account_id, a.state = 'active', 'TR305'),
          (8, 'mode_allowed', 'account', x.account_id,
           x.mode = a.mode and x.mode = s.mode and p_body -> 'modes' ? x.mode, 'TR323'),
          (9, 'instrument_tradable', 'instrument', x.symbol, i.state = 'tradable', 'TR322'),
          (10, 'quote_known', 'instrument', x.symbol, l.mid > 0, 'TR302'),
          (11, 'rate_known', 'account', x.account_id, l.mid is null or l.lot_value > 0, 'TR336'),
          (12, 'equity_positive', 'account', x.account_id,
           z.equity is null or z.equity > 0, 'TR615'),
          (13, 'quantity_enough', 'instrument', x.symbol, x.quantity >= i.volume_min, 'TR329')
        ) as b(nr, kind, scope, scope_id, ok, code)
       where not coalesce(b.ok, false)) r
   order by e.nr;
end $$;
comment on function risk.read_intents(jsonb, jsonb) is
  'Read accounts, instruments, quotes and halts of a batch of intents, and what of them denies whatever the limits say. Internal.';
