-- Fills become true once: a venue's trade id is booked for an account and never again. `profit`
-- (signed), `swap` (received) and `fee` (paid) of a fill are the venue's own money, in account
-- currency, where it tells them: they are what the ledger's cash has, to the cent. Positions
-- net per symbol at average cost; what closes is realised. Fills come in the order in which
-- they happened, position by position; all are written with one statement at the end.
create or replace function execution.post_fills(p_fills jsonb, p_at timestamptz)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_orders uuid[] := '{}';
  v_fill jsonb;
  v_key text;
  v_last text := '';
  v_seen text[] := '{}';
  v_known record;
  v_spot record;
  r record;
  v_price numeric;
  v_value numeric;
  v_held numeric;
  v_average numeric;
  v_signed numeric;
  v_realized numeric;
  v_paid numeric;
  v_told_pnl numeric;
  v_quoted numeric;
  v_nr bigint;
  v_booked jsonb[] := '{}';
  v_told jsonb[] := '{}';
begin
  if jsonb_array_length(p_fills) = 0 then
    return '[]';
  end if;
  for i in 0 .. jsonb_array_length(p_fills) - 1 loop
    v_orders := array_append(v_orders, (p_fills -> i ->> 'order_id')::uuid);
  end loop;
  -- In one order everywhere, so that no two wait for each other.
  for v_spot in
    select distinct o.account_id, o.symbol, o.org_id
      from public.orders o where o.order_id = any (v_orders)
     order by o.account_id, o.symbol
  loop
    perform from public.positions p
      where p.account_id = v_spot.account_id and p.symbol = v_spot.symbol for update;
    if not found then
      insert into public.positions (account_id, symbol, org_id, quantity, updated_at)
      values (v_spot.account_id, v_spot.symbol, v_spot.org_id, 0, p_at)
      on conflict (account_id, symbol) do nothing;
      perform from public.positions p
        where p.account_id = v_spot.account_id and p.symbol = v_spot.symbol for update;
    end if;
  end loop;
  if cardinality(v_orders) > 1 then
    select jsonb_agg(f.fill order by o.account_id, o.symbol,
                     (f.fill ->> 'filled_at')::timestamptz, f.fill ->> 'venue_trade_id')
      into p_fills
      from jsonb_array_elements(p_fills) f(fill)
      join public.orders o on o.order_id = (f.fill ->> 'order_id')::uuid;
  end if;

  for i in 0 .. jsonb_array_length(p_fills) - 1 loop
    v_fill := p_fills -> i;
    v_price := (v_fill ->> 'price')::numeric;
    select o.order_id, o.account_id, o.symbol, o.side, o.org_id, o.strategy_id, c.currency,
           n.quote_currency, n.contract_size, p.quantity, p.average_price, p.fills
      into r
      from public.orders o
      join public.accounts c on c.account_id = o.account_id
      join public.positions p on p.account_id = o.account_id and p.symbol = o.symbol
      left join public.instruments n on n.symbol = o.symbol
     where o.order_id = (v_fill ->> 'order_id')::uuid;
    select f.order_id, f.quantity, f.price into v_known
      from public.fills f
     where f.account_id = r.account_id and f.venue_trade_id = v_fill ->> 'venue_trade_id';
    if found and (v_known.order_id, v_known.quantity, v_known.price) is distinct from
         (r.order_id, (v_fill ->> 'quantity')::numeric, v_price) then
      raise exception 'trade % was booked with other figures', v_fill ->> 'venue_trade_id'
        using errcode = 'TR419';
    end if;
    v_key := r.account_id || '/' || (v_fill ->> 'venue_trade_id');
    continue when found or v_key = any (v_seen);
    v_seen := array_append(v_seen, v_key);

    v_value := r.contract_size
      * execution.conversion_rate(r.quote_currency, r.currency, r.symbol, v_price);
    v_signed := (v_fill ->> 'quantity')::numeric * case r.side when 'BUY' then 1 else -1 end;
    v_paid := coalesce((v_fill ->> 'commission')::numeric, 0);
    if v_last <> r.account_id || '/' || r.symbol then
      v_last := r.account_id || '/' || r.symbol;
      v_held := r.quantity;
      v_average := coalesce(r.average_price, 0);
      v_nr := r.fills;
    end if;
    v_nr := v_nr + 1;
    v_told_pnl := (v_fill ->> 'profit')::numeric;
    v_quoted := 0;
    v_realized := 0;
    if v_held * v_signed >= 0 then
      -- Rounded, or every fill would add the digits of another division; and so finely that
      -- no contract size turns the rest into money.
      v_average := round((abs(v_held) * v_average + abs(v_signed) * v_price)
                         / (abs(v_held) + abs(v_signed)), 20);
    else
      -- Without a rate the fill is booked all the same: it happened. What it realised is what the
      -- venue says, or waits in its own currency; compliance reports it.
      v_quoted := (v_price - v_average) * least(abs(v_held), abs(v_signed)) * sign(v_held);
      v_realized := coalesce(round(v_quoted * v_value, 8), v_told_pnl, 0);
      v_quoted := coalesce(round(v_quoted * r.contract_size, 8), 0);
      if abs(v_signed) > abs(v_held) then
        v_average := v_price;
      end if;
    end if;
    v_held := v_held + v_signed;
    if v_held = 0 then
      v_average := 0;
    end if;
    v_fill := v_fill || jsonb_build_object(
      'account_id', r.account_id, 'symbol', r.symbol, 'realized_pnl', v_realized::text,
      'commission', v_paid::text, 'value_per_point', v_value::text,
      'held', v_held::text, 'average', v_average::text, 'nr', cardinality(v_booked),
      'position_nr', v_nr, 'org_id', r.org_id, 'strategy_id', r.strategy_id,
      'currency', r.currency, 'quote_currency', coalesce(r.quote_currency, r.currency),
      'quoted_pnl', v_quoted::text, 'side', r.side,
      'rate', case when r.quote_currency <> r.currency
                   then (v_value / r.contract_size)::text end);
    v_booked := array_append(v_booked, v_fill);
    v_told := array_append(v_told, v_fill - 'attribution');
  end loop;
  if cardinality(v_booked) = 0 then
    return '[]';
  end if;

  insert into public.fills
    (fill_id, order_id, attempt_id, intent_id, correlation_id, org_id, account_id, strategy_id,
     venue_id, venue_trade_id, symbol, side, quantity, price, reference_price, commission, fee,
     swap, venue_pnl, position_nr, slippage_bps, realized_pnl, value_per_point, attribution, liquidity_flag, latency_ms,
     filled_at, recorded_at)
  select x.fill_id, o.order_id, x.attempt_id, o.intent_id, o.correlation_id, o.org_id,
         o.account_id, o.strategy_id, o.venue_id, x.venue_trade_id, o.symbol, o.side,
         x.quantity, x.price, o.reference_price, x.commission, coalesce(x.fee, 0),
         coalesce(x.swap, 0), x.profit, x.position_nr, x.slippage_bps, x.realized_pnl,
         x.value_per_point, coalesce(x.attribution, '{}'), x.liquidity_flag, x.latency_ms,
         coalesce(x.filled_at, p_at), p_at
    from unnest(v_booked) b
   cross join lateral jsonb_to_record(b) as x(
         fill_id uuid, order_id uuid, attempt_id uuid, venue_trade_id text, quantity numeric,
         price numeric, commission numeric, fee numeric, swap numeric, profit numeric,
         position_nr bigint, slippage_bps numeric, realized_pnl numeric,
         value_per_point numeric, attribution jsonb, liquidity_flag text, latency_ms int,
         filled_at timestamptz)
    join public.orders o on o.order_id = x.order_id;

  update public.positions p
     set quantity = l.held,
         average_price = nullif(l.average, 0),
         realized_pnl = p.realized_pnl + l.realized,
         commission = p.commission + l.paid,
         fills = l.fills,
         updated_at = p_at
    from (select b ->> 'account_id' as account_id, b ->> 'symbol' as symbol,
                 sum((b ->> 'realized_pnl')::numeric) as realized,
                 sum((b ->> 'commission')::numeric) as paid,
                 max((b ->> 'position_nr')::bigint) as fills,
                 (array_agg((b ->> 'held')::numeric order by (b -> 'nr')::int desc))[1] as held,
                 (array_agg((b ->> 'average')::numeric order by (b -> 'nr')::int desc))[1]
                   as average
            from unnest(v_booked) b
           group by 1, 2) l
   where p.account_id = l.account_id and p.symbol = l.symbol;

  perform ledger.post_trades(to_jsonb(v_booked), p_at);
  return to_jsonb(v_told);
end $$;
comment on function execution.post_fills(jsonb, timestamptz) is
  'Book new fills and their positions; known trades are skipped. and the money that each moved. TR419: a trade id with other figures. The caller holds the orders. Called by other procedures only.';
