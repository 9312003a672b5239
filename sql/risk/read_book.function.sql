-- One row per account and symbol. Read once for a batch: its locks keep everybody else from
-- reserving, a fill only turns what is reserved into a position, and what closes meanwhile
-- leaves less than was read. What the batch itself reserves is added by risk.count_reservation.
create or replace function risk.read_book(p_accounts text[], p_wide boolean) returns jsonb
language plpgsql stable as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'account_id', h.account_id, 'org_id', a.org_id, 'venue_id', a.venue_id,
             'currency', a.currency, 'shadow', a.mode = 'shadow', 'symbol', h.symbol,
             'quantity', h.quantity, 'buys', h.buys, 'sells', h.sells, 'orders', h.orders,
             'lot', v.lot_value, 'sigma', s.sigma)), '[]')
      from (select b.account_id, b.symbol, sum(b.quantity) as quantity, sum(b.buys) as buys,
                   sum(b.sells) as sells, sum(b.orders) as orders
              from (select p.account_id, p.symbol, p.quantity, 0 as buys, 0 as sells, 0 as orders
                      from public.positions p
                     where p.quantity <> 0 and (p_wide or p.account_id = any (p_accounts))
                    union all
                    select r.account_id, r.symbol, 0,
                           case r.side when 'BUY' then r.remaining_quantity else 0 end,
                           case r.side when 'SELL' then r.remaining_quantity else 0 end, 1
                      from risk.reservations r
                     where r.released_at is null
                       and (p_wide or r.account_id = any (p_accounts))) b
             group by b.account_id, b.symbol) h
      join public.accounts a on a.account_id = h.account_id
      left join lateral risk.lot_value(a.venue_id, h.symbol, a.currency) v on true
      left join risk.volatilities s on s.symbol = h.symbol and s.good_until > now());
end $$;
comment on function risk.read_book(text[], boolean) is
  'Positions and open reservations of accounts, or of all, with the value of a lot and its daily deviation. Internal.';
