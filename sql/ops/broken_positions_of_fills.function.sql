create or replace function ops.broken_positions_of_fills() returns setof text
language sql stable security definer set search_path = '' as $$
  select coalesce(p.account_id, f.account_id) || '/' || coalesce(p.symbol, f.symbol)
    from public.positions p
    full join (select b.account_id, b.symbol,
                      sum(case b.side when 'BUY' then b.quantity else -b.quantity end) as quantity,
                      sum(b.realized_pnl) as realized_pnl, sum(b.commission) as commission
                 from public.fills b group by b.account_id, b.symbol) f
      on f.account_id = p.account_id and f.symbol = p.symbol
   where coalesce(p.quantity, 0) <> coalesce(f.quantity, 0)
      or coalesce(p.realized_pnl, 0) <> coalesce(f.realized_pnl, 0)
      or coalesce(p.commission, 0) <> coalesce(f.commission, 0)
   limit 100
$$;
comment on function ops.broken_positions_of_fills() is
  'Invariant: a position is the sum of its fills, in lots, in money and in commission. Called by other procedures only.';
