-- What a venue does unasked, done for accounts in the shadow: stops and targets of what was
-- opened, by every tick of the venue that is mirrored (those of the last minute, and the quote of
-- now), and the account's worth. A tick that holds neither end moves nothing; a stop costs what
-- the market then asks, a target gives its price and no more. The trades are booked like those
-- that venues make of their own accord, once: the closed order stands beside them.
create or replace function execution.follow_shadows(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_account record;
  v_open record;
  v_hit record;
  v_held numeric;
  v_size numeric;
  v_id uuid;
  v_closed int := 0;
begin
  for v_account in
    select c.account_id, c.starting_balance, c.venue_id, v.mirrors, c.currency,
           coalesce((c.connection ->> 'slippage_bps')::numeric, 0) as slippage_bps,
           coalesce((c.connection ->> 'commission_per_lot')::numeric, 0) as commission
      from public.accounts c
      join public.venues v on v.venue_id = c.venue_id and v.kind = 'shadow'
     where c.mode = 'shadow' and c.state <> 'closed'
     order by c.account_id
  loop
    perform pg_advisory_xact_lock(
      hashtextextended('execution.shadow/' || v_account.account_id, 0));
    for v_open in
      select o.order_id, o.correlation_id, o.strategy_id, o.symbol, o.side, o.stop_loss,
             o.take_profit, o.filled_quantity, o.average_price, p.quantity as held, n.digits,
             n.contract_size, case o.side when 'BUY' then 1 else -1 end as sign,
             (select max(f.recorded_at) from public.fills f where f.order_id = o.order_id) as since
        from public.positions p
        join public.orders o on o.account_id = p.account_id and o.symbol = p.symbol
        join public.instruments n on n.symbol = o.symbol
       where p.account_id = v_account.account_id and p.quantity <> 0
         and o.filled_quantity > 0 and not o.reduce_only
         and o.side = case when p.quantity > 0 then 'BUY' else 'SELL' end
         and (o.stop_loss is not null or o.take_profit is not null)
         and not exists (select from execution.venue_orders w
                          where w.account_id = o.account_id and w.closes_order_id = o.order_id)
       order by o.symbol, o.created_at, o.order_id
    loop
      -- Netted: what was opened first is closed first, and never more than is held.
      select abs(p.quantity) into v_held from public.positions p
       where p.account_id = v_account.account_id and p.symbol = v_open.symbol
         and sign(p.quantity) = v_open.sign;
      v_size := least(v_open.filled_quantity, coalesce(v_held, 0));
      continue when v_size <= 0;
      select t.price, t.price * v_open.sign <= v_open.stop_loss * v_open.sign as stopped
        into v_hit
        from (select case v_open.side when 'BUY' then k.bid else k.ask end as price,
                     k.received_at
                from public.market_ticks k
               where k.venue_id = v_account.mirrors and k.symbol = v_open.symbol
                 and k.quoted_at > v_now - interval '1 day'
                 and k.received_at > greatest(v_open.since, v_now - interval '1 minute')
              union all
              select case v_open.side when 'BUY' then q.bid else q.ask end, q.received_at
                from public.latest_quotes q
               where q.venue_id = v_account.venue_id and q.symbol = v_open.symbol
                 and q.received_at > v_open.since) t
       where t.price * v_open.sign <= v_open.stop_loss * v_open.sign
          or t.price * v_open.sign >= v_open.take_profit * v_open.sign
       order by t.received_at limit 1;
      continue when not found;
      v_hit.stopped := coalesce(v_hit.stopped, false);
      v_hit.price := case when v_hit.stopped
        then round(v_hit.price * (1 - v_open.sign * v_account.slippage_bps / 10000),
                   v_open.digits)
        else v_open.take_profit end;
      v_id := bus.uuid7();
      perform execution.adopt_orders(v_account.account_id, null, jsonb_build_array(
        jsonb_build_object(
          'order_id', v_id, 'intent_id', bus.uuid7(), 'correlation_id', v_open.correlation_id,
          'strategy_id', v_open.strategy_id, 'symbol', v_open.symbol,
          'side', case v_open.sign when 1 then 'SELL' else 'BUY' end,
          'quantity', v_size::text, 'average_price', v_hit.price::text,
          'reference_price', case when v_hit.stopped then v_open.stop_loss
                                  else v_open.take_profit end::text,
          'notional', (v_size * v_open.contract_size * v_hit.price)::text,
          'origin', case when v_hit.stopped then 'stop_loss' else 'take_profit' end,
          'venue_order_id', 'shadow-' || v_id, 'closes_order_id', v_open.order_id,
          'fills', jsonb_build_array(jsonb_build_object(
            'fill_id', bus.uuid7(), 'venue_trade_id', 'shadow-' || v_id,
            'quantity', v_size::text, 'price', v_hit.price::text,
            'commission', (v_size * v_account.commission)::text, 'filled_at', v_now,
            'liquidity_flag', case when v_hit.stopped then 'TAKER' else 'MAKER' end)))), v_now);
      v_closed := v_closed + 1;
    end loop;
    perform execution.value_shadow(v_account.account_id, v_now);
  end loop;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'closed', v_closed)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.follow_shadows(jsonb) is
  'Carry out stops and targets of accounts in the shadow, and say what they are worth.';
grant execute on function execution.follow_shadows(jsonb) to execution_agent;
