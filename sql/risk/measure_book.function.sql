-- The book as it stands in the worst case: everything reserved may fill, and may not. `hi` is
-- the most that a position can become, `lo` the least, with its sign turned.
-- `other` leaves the asked account's own symbol out: that part moves with the order.
create or replace function risk.measure_book(
  p_reaches text[], p_account_id text, p_org_id text, p_venue_id text, p_currency text,
  p_symbol text, p_sigmas jsonb)
returns table (
  reach text, quantity numeric, buys numeric, sells numeric, gross_other numeric,
  hi_other numeric, lo_other numeric, var_other numeric, orders bigint, positions_other bigint,
  unvalued boolean, sigma_missing boolean)
language sql stable as $$
  select x.reach,
         coalesce(sum(b.quantity) filter (where y.own), 0),
         coalesce(sum(b.buys) filter (where y.own), 0),
         coalesce(sum(b.sells) filter (where y.own), 0),
         coalesce(sum(greatest(b.quantity + b.buys, b.sells - b.quantity) * v.lot_value)
                    filter (where not y.own), 0),
         coalesce(sum((b.quantity + b.buys) * v.lot_value) filter (where not y.own), 0),
         coalesce(sum((b.sells - b.quantity) * v.lot_value) filter (where not y.own), 0),
         coalesce(sum(greatest(b.quantity + b.buys, b.sells - b.quantity) * v.lot_value
                      * coalesce((p_sigmas ->> b.symbol)::numeric, 0.05))
                    filter (where not y.own), 0),
         coalesce(sum(b.orders), 0)::bigint,
         count(*) filter (where not y.own),
         coalesce(bool_or(v.lot_value is null or a.currency <> p_currency)
                    filter (where not y.own), false),
         coalesce(bool_or(p_sigmas ->> b.symbol is null) filter (where not y.own), false)
    from unnest(p_reaches) as x(reach)
    join public.accounts a
      on a.account_id = p_account_id and x.reach = 'account'
      or x.reach = 'platform'
      or a.org_id = p_org_id and x.reach = 'organization'
      or a.venue_id = p_venue_id and x.reach = 'venue'
    left join lateral (
      select h.symbol, sum(h.quantity) as quantity, sum(h.buys) as buys, sum(h.sells) as sells,
             sum(h.orders) as orders
        from (select p.symbol, p.quantity, 0 as buys, 0 as sells, 0 as orders
                from public.positions p
               where p.account_id = a.account_id and p.quantity <> 0
              union all
              select r.symbol, 0,
                     case r.side when 'BUY' then r.remaining_quantity else 0 end,
                     case r.side when 'SELL' then r.remaining_quantity else 0 end, 1
                from risk.reservations r
               where r.account_id = a.account_id and r.released_at is null) h
       group by h.symbol) b on true
    left join lateral (select b.symbol is null
                              or a.account_id = p_account_id and b.symbol = p_symbol as own) y
    on true
    left join lateral risk.lot_value(a.venue_id, b.symbol, a.currency) v on true
   group by x.reach
$$;
comment on function risk.measure_book(text[], text, text, text, text, text, jsonb) is
  'Positions and open reservations of an account, or of all accounts in its scope, in the worst case, in account currency; one symbol is kept apart.';
