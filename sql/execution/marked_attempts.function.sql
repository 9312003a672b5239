-- By what the venue lists of an account its trades are told to be ours: attempts of orders that
-- work, that were opened lately, or that made the positions which are open.
create or replace function execution.marked_attempts(
  p_account_id text, p_org_id text, p_since timestamptz
) returns jsonb
language plpgsql stable as $$
begin
  -- Not language sql: that would be planned again at every call.
  return (
    with marked as (
      select a.attempt_id
        from execution.attempts a
       where a.opened_at >= p_since - interval '1 minute' and a.account_id = p_account_id
       union
      select a.attempt_id
        from public.orders o
        join execution.attempts a on a.order_id = o.order_id
       where o.account_id = p_account_id
         and o.status in ('initialized', 'submitted', 'accepted', 'triggered',
                          'partially_filled', 'unknown', 'pending_update', 'pending_cancel')
       union
      (select f.attempt_id
         from public.positions p
         join public.fills f on f.account_id = p.account_id and f.symbol = p.symbol
                            and f.org_id = p_org_id
        where p.account_id = p_account_id and p.quantity <> 0 and f.attempt_id is not null
        order by f.filled_at desc limit 2000)
    )
    select coalesce(jsonb_agg(jsonb_build_object(
             'attempt_id', a.attempt_id, 'order_id', o.order_id, 'intent_id', o.intent_id,
             'correlation_id', o.correlation_id, 'strategy_id', o.strategy_id,
             'client_order_id', a.client_order_id, 'magic', a.magic::text,
             'venue_order_id', o.venue_order_id, 'state', a.state,
             'symbol', o.symbol, 'side', o.side, 'status', o.status,
             'quantity', o.quantity::text, 'filled_quantity', o.filled_quantity::text,
             'stop_loss', o.stop_loss::text, 'take_profit', o.take_profit::text,
             'reference_price', o.reference_price::text,
             -- People gave the position other stops, by this order.
             'stops_position', g.venue_position_id, 'stops_at', g.ended_at,
             'opened_at', a.opened_at) order by a.opened_at), '[]')
      from marked m
      join execution.attempts a on a.attempt_id = m.attempt_id
      join public.orders o on o.order_id = a.order_id
      left join lateral (
        select c.venue_position_id, c.ended_at
          from execution.order_changes c
         where c.order_id = o.order_id and c.kind = 'stops' and c.state = 'applied'
         order by c.ended_at desc limit 1) g on true);
end $$;
comment on function execution.marked_attempts(text, text, timestamptz) is
  'Attempts by which the venue''s records of an account are told to be ours. Called by other procedures only.';
