create or replace function execution.hedge_book(
  p_account_id text, p_venue_id text, p_currency text, p_vote_s int)
returns table (symbol text, quantity numeric, lot_value numeric)
language sql stable as $$
  select b.symbol, b.quantity, v.lot_value
    from (select h.symbol, sum(h.quantity) as quantity
            from (select p.symbol, p.quantity from public.positions p
                   where p.account_id = p_account_id and p.quantity <> 0
                  union all
                  select c.symbol, c.quantity
                    from execution.pending_covers(p_account_id, p_vote_s) c) h
           group by h.symbol) b
    left join lateral risk.lot_value(p_venue_id, b.symbol, p_currency) v on true
$$;
comment on function execution.hedge_book(text, text, text, int) is
  'Signed lots of an account by symbol, as if every pending cover had filled. Internal.';
