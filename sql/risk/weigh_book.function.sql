-- Positions and reservations in the worst case: everything reserved may fill, and may not.
-- By reach, in the order of p_reaches, without the order's own account and symbol; `ahead` is the
-- position that the order's side may reach without it, `behind` the other side's; `beside` is what
-- the strategy's other accounts may hold of the symbol on that side: it closes nothing here.
create or replace function risk.weigh_book(
  p_read record, p_book jsonb, p_reaches text[], p_conditions jsonb,
  out gross numeric[], out net numeric[], out against numeric[], out orders numeric[],
  out ahead numeric, out behind numeric, out most numeric, out others int,
  out var_others numeric, out basket numeric, out sigma_unknown boolean,
  out beside numeric, out most_together numeric)
language plpgsql immutable as $$
declare
  v_buys boolean := p_read.side = 'BUY';
  v_shadow boolean := coalesce(p_read.item ->> 'mode' = 'shadow', false);
  v_correlations jsonb := p_conditions #> array['correlations', p_read.symbol];
  v_enrolled jsonb := p_conditions #> array['enrolled', p_read.strategy_id];
  v_rho numeric;
  v_book record;
  v_opposite numeric := 0;
  v_hi numeric;
  v_lo numeric;
  v_worst numeric;
begin
  gross := array_fill(0::numeric, array[cardinality(p_reaches)]);
  net := gross;
  against := gross;
  orders := gross;
  ahead := 0;
  behind := 0;
  beside := 0;
  others := 0;
  var_others := 0;
  basket := case when v_correlations is not null then 0 end;
  sigma_unknown := p_read.sigma is null;
  for v_book in
    select b.* from jsonb_to_recordset(p_book) as b(
      account_id text, org_id text, venue_id text, currency text, symbol text, quantity numeric,
      buys numeric, sells numeric, orders int, lot numeric, sigma numeric, shadow boolean)
  loop
    -- Shadows have budgets of their own: neither side spends the other's.
    continue when coalesce(v_book.shadow, false) <> v_shadow
              and v_book.account_id <> p_read.account_id;
    v_hi := v_book.quantity + v_book.buys;
    v_lo := v_book.sells - v_book.quantity;
    if v_book.account_id = p_read.account_id and v_book.symbol = p_read.symbol then
      ahead := case when v_buys then v_hi else v_lo end;
      behind := case when v_buys then v_lo else v_hi end;
    elsif v_book.symbol = p_read.symbol and v_enrolled ? v_book.account_id then
      beside := beside + greatest(case when v_buys then v_hi else v_lo end, 0);
      v_opposite := v_opposite + greatest(case when v_buys then v_lo else v_hi end, 0);
    end if;
    -- Unknown, not nothing, where a lot has no value: the sum is unknown with it.
    if v_book.currency <> p_read.currency then
      v_book.lot := null;
    end if;
    v_worst := greatest(v_hi, v_lo) * v_book.lot;
    for n in 1 .. cardinality(p_reaches) loop
      continue when not case p_reaches[n]
        when 'account' then v_book.account_id = p_read.account_id
        when 'organization' then v_book.org_id = p_read.org_id
        when 'venue' then v_book.venue_id = p_read.venue_id
        when 'strategy' then v_book.account_id = p_read.account_id
                          or coalesce(v_enrolled ? v_book.account_id, false)
        else true end;
      orders[n] := orders[n] + v_book.orders;
      continue when v_book.account_id = p_read.account_id and v_book.symbol = p_read.symbol;
      gross[n] := gross[n] + v_worst;
      net[n] := net[n] + case when v_buys then v_hi else v_lo end * v_book.lot;
      against[n] := against[n] + case when v_buys then v_lo else v_hi end * v_book.lot;
      if p_reaches[n] = 'account' then
        others := others + 1;
        var_others := var_others + v_worst * coalesce(v_book.sigma, 0.05);
        sigma_unknown := sigma_unknown or v_book.sigma is null;
        if v_correlations is not null then
          v_rho := (v_correlations ->> v_book.symbol)::numeric;
          -- Both ways count: what moves against the order's symbol hurts when held the other way.
          basket := basket + case
            when v_rho is null then null
            when abs(v_rho) < (p_conditions ->> 'basket_from')::numeric then 0
            when (v_rho > 0) = v_buys then greatest(v_hi, 0) * v_book.lot
            else greatest(v_lo, 0) * v_book.lot end;
        end if;
      end if;
    end loop;
  end loop;
  most := greatest(ahead, behind);
  most_together := greatest(ahead + beside, behind + v_opposite);
end $$;
comment on function risk.weigh_book(record, jsonb, text[], jsonb) is
  'What a book weighs against one intent: by reach, and on its own symbol. Internal.';
