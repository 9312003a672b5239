-- Fills become true once: a venue's trade id is booked for an account and never again. `profit`
-- (signed), `swap` (received) and `fee` (paid) of a fill are the venue's own money, in account
-- currency, where it tells them: they are what the ledger's cash has, to the cent. Positions
-- net per symbol at average cost; what closes is realised. Fills come in the order in which
-- they happened, position by position; all are written with one statement at the end.
create or replace function execution.post_fills(p_fills jsonb, p_at timestamptz)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  r record;
  v_spot record;
  v_key text;
  v_last text := '';
  v_seen text[] := '{}';
  v_value numeric;
  v_held numeric;
  v_average numeric;
  v_signed numeric;
  v_realized numeric;
  v_paid numeric;
  v_quoted numeric;
  v_nr bigint;
  v_booked jsonb[] := '{}';
  v_told jsonb[] := '{}';
begin
  if jsonb_array_length(p_fills) = 0 then
    return '[]';
  end if;
  -- In one order everywhere, so that no two wait for each other.
  for v_spot in
    select distinct o.account_id, o.symbol, o.org_id
      from jsonb_to_recordset(p_fills) as x(order_id uuid)
      -- A row by its key for each item, however small the table was when this was planned.
      cross join lateral (
        select k.account_id, k.symbol, k.org_id
          from public.orders k where k.order_id = x.order_id offset 0) o
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

  for r in
    select f.fill, f.fill ->> 'venue_trade_id' as venue_trade_id,
           (f.fill ->> 'quantity')::numeric as size, (f.fill ->> 'price')::numeric as price,
           (f.fill ->> 'profit')::numeric as profit, o.order_id, o.account_id, o.symbol, o.side,
           o.org_id, o.strategy_id, c.currency, n.quote_currency, n.contract_size, p.quantity,
           p.average_price, p.fills, k.order_id as known_order, k.quantity as known_size,
           k.price as known_price
      from jsonb_array_elements(p_fills) f(fill)
      cross join lateral (
        select k.order_id, k.account_id, k.symbol, k.side, k.org_id, k.strategy_id
          from public.orders k where k.order_id = (f.fill ->> 'order_id')::uuid offset 0) o
      cross join lateral (
        select k.currency from public.accounts k where k.account_id = o.account_id offset 0) c
      cross join lateral (
        select k.quantity, k.average_price, k.fills
          from public.positions k
         where k.account_id = o.account_id and k.symbol = o.symbol offset 0) p
      left join lateral (
        select k.quote_currency, k.contract_size
          from public.instruments k where k.symbol = o.symbol offset 0) n on true
      left join lateral (
        select b.order_id, b.quantity, b.price
          from public.fills b
         where b.account_id = o.account_id and b.venue_trade_id = f.fill ->> 'venue_trade_id'
         limit 1) k on true
     order by o.account_id, o.symbol, (f.fill ->> 'filled_at')::timestamptz,
              f.fill ->> 'venue_trade_id'
  loop
    if r.known_order is not null and (r.known_order, r.known_size, r.known_price)
                                     is distinct from (r.order_id, r.size, r.price) then
      raise exception 'trade % was booked with other figures', r.venue_trade_id
        using errcode = 'TR419';
    end if;
    v_key := r.account_id || '/' || r.venue_trade_id;
    if r.known_order is null and v_key = any (v_seen) and exists (
         select from jsonb_array_elements(p_fills) t(said)
           join public.orders o on o.order_id = (t.said ->> 'order_id')::uuid
          where t.said ->> 'venue_trade_id' = r.venue_trade_id
            and o.account_id = r.account_id and o.order_id <> r.order_id) then
      raise exception 'trade % is told of two orders', r.venue_trade_id using errcode = 'TR419';
    end if;
    continue when r.known_order is not null or v_key = any (v_seen);
    v_seen := array_append(v_seen, v_key);

    v_value := r.contract_size;
    if r.quote_currency is distinct from r.currency then
      v_value := v_value
        * execution.conversion_rate(r.quote_currency, r.currency, r.symbol, r.price);
    end if;
    v_signed := r.size * case r.side when 'BUY' then 1 else -1 end;
    v_paid := coalesce((r.fill ->> 'commission')::numeric, 0);
    if v_last <> r.account_id || '/' || r.symbol then
      v_last := r.account_id || '/' || r.symbol;
      v_held := r.quantity;
      v_average := coalesce(r.average_price, 0);
      v_nr := r.fills;
    end if;
    v_nr := v_nr + 1;
    v_quoted := 0;
    v_realized := 0;
    if v_held * v_signed >= 0 then
      -- Rounded, or every fill would add the digits of another division; and so finely that
      -- no contract size turns the rest into money.
      v_average := round((abs(v_held) * v_average + abs(v_signed) * r.price)
                         / (abs(v_held) + abs(v_signed)), 20);
    else
      -- Without a rate the fill is booked all the same: it happened. What it realised is what the
      -- venue says, or waits in its own currency; compliance reports it.
      v_quoted := (r.price - v_average) * least(abs(v_held), abs(v_signed)) * sign(v_held);
      v_realized := coalesce(round(v_quoted * v_value, 8), r.profit, 0);
      v_quoted := coalesce(round(v_quoted * r.contract_size, 8), 0);
      if abs(v_signed) > abs(v_held) then
        v_average := r.price;
      end if;
    end if;
    v_held := v_held + v_signed;
    if v_held = 0 then
      v_average := 0;
    end if;
    v_told := array_append(v_told, r.fill - 'attribution' || jsonb_build_object(
      'account_id', r.account_id, 'symbol', r.symbol, 'realized_pnl', v_realized::text,
      'commission', v_paid::text, 'value_per_point', v_value::text,
      'gain', (coalesce(r.profit, v_realized) - v_paid
               - coalesce((r.fill ->> 'fee')::numeric, 0)
               + coalesce((r.fill ->> 'swap')::numeric, 0))::text));
    v_booked := array_append(v_booked, r.fill || jsonb_build_object(
      'account_id', r.account_id, 'symbol', r.symbol, 'realized_pnl', v_realized,
      'commission', v_paid, 'value_per_point', v_value, 'held', v_held, 'average', v_average,
      'position_nr', v_nr, 'org_id', r.org_id, 'strategy_id', r.strategy_id,
      'currency', r.currency, 'quote_currency', coalesce(r.quote_currency, r.currency),
      'quoted_pnl', v_quoted,
      'rate', case when r.quote_currency <> r.currency then v_value / r.contract_size end));
  end loop;
  if cardinality(v_booked) = 0 then
    return '[]';
  end if;

  insert into public.fills
    (fill_id, order_id, attempt_id, intent_id, correlation_id, org_id, account_id, strategy_id,
     venue_id, venue_trade_id, symbol, side, quantity, price, reference_price, commission, fee,
     swap, venue_pnl, position_nr, slippage_bps, realized_pnl, value_per_point, attribution,
     liquidity_flag, latency_ms, filled_at, recorded_at)
  select x.fill_id, o.order_id, x.attempt_id, o.intent_id, o.correlation_id, o.org_id,
         o.account_id, o.strategy_id, o.venue_id, x.venue_trade_id, o.symbol, o.side,
         x.quantity, x.price, o.reference_price, x.commission, coalesce(x.fee, 0),
         coalesce(x.swap, 0), x.profit, x.position_nr, x.slippage_bps, x.realized_pnl,
         x.value_per_point, coalesce(x.attribution, '{}'), x.liquidity_flag, x.latency_ms,
         coalesce(x.filled_at, p_at), p_at
    from jsonb_to_recordset(to_jsonb(v_booked)) as x(
         fill_id uuid, order_id uuid, attempt_id uuid, venue_trade_id text, quantity numeric,
         price numeric, commission numeric, fee numeric, swap numeric, profit numeric,
         position_nr bigint, slippage_bps numeric, realized_pnl numeric,
         value_per_point numeric, attribution jsonb, liquidity_flag text, latency_ms int,
         filled_at timestamptz)
    cross join lateral (
      select k.* from public.orders k where k.order_id = x.order_id offset 0) o;

  update public.positions p
     set quantity = l.held,
         average_price = nullif(l.average, 0),
         realized_pnl = p.realized_pnl + l.realized,
         commission = p.commission + l.paid,
         fills = l.nr,
         updated_at = p_at
    from (select x.account_id, x.symbol, sum(x.realized_pnl) as realized,
                 sum(x.commission) as paid, max(x.position_nr) as nr,
                 (array_agg(x.held order by x.position_nr desc))[1] as held,
                 (array_agg(x.average order by x.position_nr desc))[1] as average
            from unnest(v_booked) b
           cross join lateral jsonb_to_record(b) as x(
              account_id text, symbol text, realized_pnl numeric, commission numeric,
              position_nr bigint, held numeric, average numeric)
           group by 1, 2) l
   where p.account_id = l.account_id and p.symbol = l.symbol;

  perform ledger.post_trades(to_jsonb(v_booked), p_at);
  return to_jsonb(v_told);
end $$;
comment on function execution.post_fills(jsonb, timestamptz) is
  'Book new fills, their positions and the money that each moved; known trades are skipped. TR419: a trade id with other figures. The caller holds the orders. Called by other procedures only.';
