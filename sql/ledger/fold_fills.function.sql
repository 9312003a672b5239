-- Positions as their fills make them, one fill after the other in the order of booking, with the
-- arithmetic of execution.post_fills. A fill's own rate is used: what was converted stays so.
create or replace function ledger.fold_fills(p_account_id text)
returns table (
  account_id text, symbol text, org_id text, quantity numeric, average_price numeric,
  realized_pnl numeric, commission numeric, fills bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
  r record;
  v_last text := '';
  v_average numeric := 0;
  v_signed numeric;
begin
  for r in
    select f.account_id, f.symbol, f.org_id, f.side, f.quantity as size, f.price,
           f.value_per_point, f.venue_pnl, f.commission as paid
      from public.fills f
     where p_account_id is null or f.account_id = p_account_id
     order by f.account_id, f.symbol, f.position_nr nulls first, f.recorded_at, f.filled_at,
              f.venue_trade_id
  loop
    if v_last <> r.account_id || '/' || r.symbol then
      if v_last <> '' then
        average_price := nullif(v_average, 0);
        return next;
      end if;
      v_last := r.account_id || '/' || r.symbol;
      account_id := r.account_id;
      symbol := r.symbol;
      org_id := r.org_id;
      quantity := 0;
      realized_pnl := 0;
      commission := 0;
      fills := 0;
      v_average := 0;
    end if;
    v_signed := r.size * case r.side when 'BUY' then 1 else -1 end;
    if quantity * v_signed >= 0 then
      v_average := round((abs(quantity) * v_average + abs(v_signed) * r.price)
                         / (abs(quantity) + abs(v_signed)), 20);
    else
      realized_pnl := realized_pnl + coalesce(
        round((r.price - v_average) * least(abs(quantity), abs(v_signed)) * sign(quantity)
              * r.value_per_point, 8), r.venue_pnl, 0);
      if abs(v_signed) > abs(quantity) then
        v_average := r.price;
      end if;
    end if;
    quantity := quantity + v_signed;
    if quantity = 0 then
      v_average := 0;
    end if;
    commission := commission + r.paid;
    fills := fills + 1;
  end loop;
  if v_last <> '' then
    average_price := nullif(v_average, 0);
    return next;
  end if;
end $$;
comment on function ledger.fold_fills(text) is
  'Rebuild the positions of an account, or of all, from their fills alone. Called by other procedures only.';
