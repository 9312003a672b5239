-- Orders that the desk did not open: their trades happened, so they are booked like any others,
-- under an intent of kind `venue` that nobody asked for. Ids derive from the venue's numbers:
-- adopting again books nothing twice.
create or replace function execution.adopt_orders(
  p_account_id text, p_reconciliation_id uuid, p_orders jsonb, p_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_order record;
  v_policy_hash text := (select p.policy_hash from risk.policies p where p.active);
  v_ids uuid[] := '{}';
  v_fills jsonb := '[]';
  v_moves jsonb[] := '{}';
  v_booked jsonb;
begin
  for v_order in
    select x.*, c.org_id, c.venue_id, c.mode
      from jsonb_to_recordset(p_orders) as x(
        order_id uuid, intent_id uuid, correlation_id uuid, strategy_id text, symbol text,
        side text, quantity numeric, average_price numeric, reference_price numeric,
        notional numeric, origin text, venue_order_id text, magic text, comment text,
        closes_order_id uuid, fills jsonb)
      join public.accounts c on c.account_id = p_account_id
     where not exists (select from public.orders o where o.order_id = x.order_id)
     order by x.order_id
  loop
    insert into public.intents
      (intent_id, correlation_id, org_id, account_id, strategy_id, venue_id, symbol, side,
       order_type, mode, kind, requested_quantity, authorized_quantity, notional,
       reference_price, reduce_only, state, policy_hash, reason_codes, created_at, decided_at)
    values
      (v_order.intent_id, v_order.correlation_id, v_order.org_id, p_account_id,
       v_order.strategy_id, v_order.venue_id, v_order.symbol, v_order.side, 'market',
       v_order.mode, 'venue', v_order.quantity, v_order.quantity, v_order.notional,
       v_order.reference_price, v_order.closes_order_id is not null, 'ordered', v_policy_hash,
       array[v_order.origin], p_at, p_at);
    insert into public.orders
      (order_id, intent_id, child_index, correlation_id, org_id, account_id, strategy_id,
       venue_id, symbol, side, order_type, quantity, reference_price, time_in_force, algorithm,
       latency_class, mode, reduce_only, status, venue_order_id, policy_hash, created_at,
       updated_at)
    values
      (v_order.order_id, v_order.intent_id, 0, v_order.correlation_id, v_order.org_id,
       p_account_id, v_order.strategy_id, v_order.venue_id, v_order.symbol, v_order.side,
       'market', v_order.quantity, v_order.reference_price, 'GTC', 'immediate', 'immediate',
       v_order.mode, v_order.closes_order_id is not null, 'accepted', v_order.venue_order_id,
       coalesce(v_policy_hash, ''), p_at, p_at);
    insert into public.order_events
      (event_id, order_id, from_status, to_status, message, detail, occurred_at, recorded_by)
    values
      (gen_random_uuid(), v_order.order_id, null, 'accepted',
       'not ours to open: ' || v_order.origin, jsonb_strip_nulls(jsonb_build_object(
         'origin', v_order.origin, 'venue_order_id', v_order.venue_order_id,
         'closes_order_id', v_order.closes_order_id,
         'reconciliation_id', p_reconciliation_id)), p_at, 'execution');
    insert into execution.venue_orders as held
      (account_id, venue_order_id, org_id, origin, state, symbol, side, order_type, quantity,
       filled_quantity, price, magic, comment, order_id, closes_order_id, reconciliation_id)
    values
      (p_account_id, v_order.venue_order_id, v_order.org_id, v_order.origin, 'filled',
       v_order.symbol, v_order.side, 'market', v_order.quantity, v_order.quantity,
       v_order.average_price, v_order.magic, v_order.comment, v_order.order_id,
       v_order.closes_order_id, p_reconciliation_id)
    on conflict (account_id, venue_order_id) do update
       set filled_quantity = held.filled_quantity + excluded.filled_quantity,
           quantity = greatest(held.quantity, held.filled_quantity + excluded.filled_quantity),
           state = 'filled', order_id = coalesce(held.order_id, excluded.order_id),
           last_seen_at = p_at;
    v_ids := array_append(v_ids, v_order.order_id);
    v_fills := v_fills || (select jsonb_agg(f || jsonb_build_object('order_id', v_order.order_id))
                             from jsonb_array_elements(v_order.fills) f);
    v_moves := array_append(v_moves, jsonb_build_object(
      'order_id', v_order.order_id, 'to_status', 'filled', 'message', v_order.origin,
      'detail', jsonb_build_object('trades', (
        select jsonb_agg(f -> 'venue_trade_id') from jsonb_array_elements(v_order.fills) f)),
      'figures', jsonb_build_object(
        'filled_quantity', v_order.quantity::text,
        'average_price', v_order.average_price::text,
        'venue_order_id', v_order.venue_order_id)));
  end loop;
  if cardinality(v_ids) = 0 then
    return;
  end if;
  v_booked := execution.post_fills(v_fills, p_at);
  perform execution.move_orders(to_jsonb(v_moves), 'execution',
                                p_at + interval '1 microsecond');
  perform execution.close_orders(v_ids, (
    select coalesce(jsonb_agg(jsonb_build_object(
             'account_id', b -> 'account_id', 'amount', b -> 'gain')), '[]')
      from jsonb_array_elements(v_booked) b), 'execution', p_at);
end $$;
comment on function execution.adopt_orders(text, uuid, jsonb, timestamptz) is
  'Book the trades of orders that the desk did not open, once. Called by other procedures only.';
