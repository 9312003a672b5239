-- Fills become true once: a venue's trade id is booked for an account and never again. Positions
-- net per symbol at average cost; what closes is realised. The loop only computes: it reads all
-- it needs in one query and writes twice at its end.
create or replace function execution.post_fills(p_fills jsonb, p_at timestamptz)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  r record;
  v_key text := '';
  v_held numeric;
  v_average numeric;
  v_signed numeric;
  v_closed numeric;
  v_realized numeric;
  v_booked jsonb[] := '{}';
  v_conflict text;
begin
  if jsonb_array_length(p_fills) = 0 then
    return '[]';
  end if;
  select f.venue_trade_id into v_conflict
    from jsonb_to_recordset(p_fills) as x(
      order_id uuid, venue_trade_id text, quantity numeric, price numeric)
    join public.orders o on o.order_id = x.order_id
    join public.fills f on f.account_id = o.account_id
                       and f.venue_trade_id = x.venue_trade_id
   where (f.order_id, f.quantity, f.price) is distinct from (x.order_id, x.quantity, x.price)
   limit 1;
  if found then
    raise exception 'trade % was booked with other figures', v_conflict using errcode = 'TR419';
  end if;

  insert into public.positions (account_id, symbol, org_id, quantity, updated_at)
  select distinct o.account_id, o.symbol, o.org_id, 0, p_at
    from jsonb_to_recordset(p_fills) as x(order_id uuid)
    join public.orders o on o.order_id = x.order_id
   order by o.account_id, o.symbol
  on conflict (account_id, symbol) do nothing;
  perform from (
    select p.account_id from public.positions p
     where (p.account_id, p.symbol) in (
       select o.account_id, o.symbol
         from jsonb_to_recordset(p_fills) as x(order_id uuid)
         join public.orders o on o.order_id = x.order_id)
     order by p.account_id, p.symbol
       for update) locked;

  for r in
    select o.account_id, o.symbol, o.account_id || '/' || o.symbol as key,
           case o.side when 'BUY' then x.quantity else -x.quantity end as signed,
           x.price, x.commission, x.fill,
           p.quantity as held, p.average_price as average,
           n.contract_size * execution.conversion_rate(
             n.quote_currency, c.currency, o.symbol, x.price) as value_per_point
      from (select distinct on (o.account_id, e.venue_trade_id)
                   e.order_id, e.quantity, e.price, coalesce(e.commission, 0) as commission,
                   e.filled_at, e.venue_trade_id, f.fill
              from jsonb_array_elements(p_fills) f(fill)
             cross join lateral jsonb_to_record(f.fill) as e(
                   order_id uuid, venue_trade_id text, quantity numeric, price numeric,
                   commission numeric, filled_at timestamptz)
              join public.orders o on o.order_id = e.order_id
             where not exists (select from public.fills b
                                where b.account_id = o.account_id
                                  and b.venue_trade_id = e.venue_trade_id)
             order by o.account_id, e.venue_trade_id) x
      join public.orders o on o.order_id = x.order_id
      join public.accounts c on c.account_id = o.account_id
      join public.positions p on p.account_id = o.account_id and p.symbol = o.symbol
      left join public.instruments n on n.symbol = o.symbol
     order by o.account_id, o.symbol, x.filled_at, x.venue_trade_id
  loop
    if r.key <> v_key then
      v_key := r.key;
      v_held := r.held;
      v_average := coalesce(r.average, 0);
    end if;
    v_signed := r.signed;
    v_realized := 0;
    if v_held * v_signed >= 0 then
      -- Rounded, or every fill would add the digits of another division; and so finely that
      -- no contract size turns the rest into money.
      v_average := round((abs(v_held) * v_average + abs(v_signed) * r.price)
                         / (abs(v_held) + abs(v_signed)), 20);
    else
      v_closed := least(abs(v_held), abs(v_signed));
      -- Without a rate the fill is booked all the same: it happened. Its money is then unknown,
      -- which compliance reports.
      v_realized := coalesce(round((r.price - v_average) * v_closed * sign(v_held)
                                   * r.value_per_point, 8), 0);
      if abs(v_signed) > abs(v_held) then
        v_average := r.price;
      end if;
    end if;
    v_held := v_held + v_signed;
    if v_held = 0 then
      v_average := 0;
    end if;
    v_booked := v_booked || (r.fill || jsonb_build_object(
      'account_id', r.account_id, 'symbol', r.symbol, 'realized_pnl', v_realized::text,
      'commission', r.commission::text, 'value_per_point', r.value_per_point::text,
      'held', v_held::text, 'average', v_average::text,
      'nr', coalesce(array_length(v_booked, 1), 0)));
  end loop;

  insert into public.fills
    (fill_id, order_id, attempt_id, intent_id, correlation_id, org_id, account_id, strategy_id,
     venue_id, venue_trade_id, symbol, side, quantity, price, reference_price, commission,
     slippage_bps, realized_pnl, value_per_point, attribution, liquidity_flag, latency_ms,
     filled_at, recorded_at)
  select x.fill_id, o.order_id, x.attempt_id, o.intent_id, o.correlation_id, o.org_id,
         o.account_id, o.strategy_id, o.venue_id, x.venue_trade_id, o.symbol, o.side,
         x.quantity, x.price, o.reference_price, x.commission, x.slippage_bps, x.realized_pnl,
         x.value_per_point, coalesce(x.attribution, '{}'), x.liquidity_flag, x.latency_ms,
         coalesce(x.filled_at, p_at), p_at
    from unnest(v_booked) b
   cross join lateral jsonb_to_record(b) as x(
         fill_id uuid, order_id uuid, attempt_id uuid, venue_trade_id text, quantity numeric,
         price numeric, commission numeric, slippage_bps numeric, realized_pnl numeric,
         value_per_point numeric, attribution jsonb, liquidity_flag text, latency_ms int,
         filled_at timestamptz)
    join public.orders o on o.order_id = x.order_id;

  update public.positions p
     set quantity = l.held,
         average_price = nullif(l.average, 0),
         realized_pnl = p.realized_pnl + l.realized,
         commission = p.commission + l.paid,
         updated_at = p_at
    from (select x.account_id, x.symbol, sum(x.realized_pnl) as realized,
                 sum(x.commission) as paid,
                 (array_agg(x.held order by x.nr desc))[1] as held,
                 (array_agg(x.average order by x.nr desc))[1] as average
            from unnest(v_booked) b
           cross join lateral jsonb_to_record(b) as x(
                 account_id text, symbol text, realized_pnl numeric, commission numeric,
                 held numeric, average numeric, nr int)
           group by x.account_id, x.symbol) l
   where p.account_id = l.account_id and p.symbol = l.symbol;

  return coalesce((select jsonb_agg(b - 'attribution') from unnest(v_booked) b), '[]');
end $$;
comment on function execution.post_fills(jsonb, timestamptz) is
  'Book new fills and their positions; known trades are skipped. TR419: a trade id with other figures. The caller holds the orders. Called by other procedures only.';
