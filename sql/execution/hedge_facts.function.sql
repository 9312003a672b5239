-- The account's book after a fill. Covers that were authorised and have not filled yet count as
-- if they had: two fills in a row must not be covered twice.
create or replace function execution.hedge_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_policy jsonb;
begin
  select p.policy_hash, p.body -> 'hedging' into v_policy_hash, v_policy
    from risk.policies p where p.active;
  return (
    with item as materialized (
      select x.i, x.fill_id, x.symbol, x.strategy_id, c.account_id, c.org_id, c.venue_id, c.currency, c.mode,
             s.equity
        from jsonb_to_recordset(p_items) as x(
          i int, fill_id uuid, account_id text, strategy_id text, symbol text)
        left join public.accounts c on c.account_id = x.account_id
        left join risk.account_state s on s.account_id = x.account_id
    ), book as materialized (
      select h.account_id, h.symbol, sum(h.quantity) as quantity
        from (select p.account_id, p.symbol, p.quantity from public.positions p
               where p.quantity <> 0
                 and p.account_id in (select i.account_id from item i)
              union all
              select r.account_id, r.symbol,
                     case r.side when 'BUY' then r.remaining_quantity
                                 else -r.remaining_quantity end
                from risk.reservations r
                join public.intents n on n.intent_id = r.intent_id and n.kind = 'cover'
               where r.released_at is null
                 and r.account_id in (select i.account_id from item i)) h
       group by h.account_id, h.symbol
    )
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', i.i, 'equity', i.equity::text, 'currency', i.currency,
             'venue_id', i.venue_id, 'mode', i.mode,
             'exposures', (
               select coalesce(jsonb_object_agg(b.symbol, (b.quantity * v.lot_value)::text), '{}')
                 from book b
                 cross join lateral risk.lot_value(i.venue_id, b.symbol, i.currency) v
                where b.account_id = i.account_id and v.lot_value is not null),
             'unvalued', (
               select coalesce(jsonb_agg(b.symbol), '[]')
                 from book b
                 left join lateral risk.lot_value(i.venue_id, b.symbol, i.currency) v on true
                where b.account_id = i.account_id and v.lot_value is null),
             'instruments', (
               select coalesce(jsonb_object_agg(n.symbol, jsonb_build_object(
                        'notional_per_lot', v.lot_value::text, 'bid', v.bid::text,
                        'ask', v.ask::text, 'volume_min', n.volume_min::text,
                        'volume_max', n.volume_max::text,
                        'volume_step', n.volume_step::text)), '{}')
                 from public.instruments n
                 left join lateral risk.lot_value(i.venue_id, n.symbol, i.currency) v on true
                where n.state = 'tradable' and (n.symbol = i.symbol or n.symbol in (
                  select b ->> 'hedge_symbol'
                    from jsonb_array_elements(coalesce(v_policy -> 'baskets', '[]')) b))),
             -- Signed lots of this fill that go beyond what its order was authorised for.
             'excess', (
               select (case f.side when 'BUY' then 1 else -1 end * least(f.quantity, greatest(
                        0, sum(b.quantity) - o.quantity)))::text
                 from public.fills f
                 join public.orders o on o.order_id = f.order_id
                 join public.fills b on b.order_id = f.order_id
                  and (b.filled_at, b.venue_trade_id) <= (f.filled_at, f.venue_trade_id)
                where f.fill_id = i.fill_id
                group by f.side, f.quantity, o.quantity),
             'halted', governance.standing_halt(
               i.org_id, i.venue_id, i.account_id, i.strategy_id, i.symbol) is not null,
             'covers', exists (
               select from public.fills f
                 join public.intents n on n.intent_id = f.intent_id
                where f.fill_id = i.fill_id and n.kind = 'cover'),
             'policy', v_policy, 'policy_hash', v_policy_hash)), '[]')
      from item i);
end $$;
comment on function execution.hedge_facts(jsonb) is
  'Exposures of the account by symbol, hedge instruments, halts and the active hedging policy.';
grant execute on function execution.hedge_facts(jsonb) to hedger_agent;
