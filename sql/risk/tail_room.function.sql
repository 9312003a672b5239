-- In the worst case of a scenario a buy loses with what falls and never gains with what rises, a
-- sell the reverse: each scenario's loss is linear in the quantity and never shrinks. So does no
-- tail, and where it crosses its limit is found by halving, over vectors that are built once.
create or replace function risk.tail_room(
  p_book jsonb, p_account_id text, p_symbol text, p_side text, p_lot numeric, p_step numeric,
  p_steps numeric, p_kind text, p_money numeric)
returns numeric
language plpgsql stable as $$
declare
  v_losses float8[];
  v_slopes float8[];
  -- Floats of another order of summing: what is left is judged again, to the last digit.
  v_most float8 := p_money - abs(p_money) * 1e-9;
  v_fits numeric := 0;
  v_over numeric := p_steps;
  v_tried numeric := 0;
  v_tail float8;
begin
  select array_agg(o.loss order by o.nr), array_agg(o.slope order by o.nr)
    into v_losses, v_slopes
    from (select r.nr, -sum(least(h.hi * r.value, -h.lo * r.value)) as loss,
                 max(case when h.symbol = p_symbol then (p_lot * p_step)::float8 * greatest(
                       case p_side when 'BUY' then -r.value else r.value end, 0) end) as slope
            from (select u.symbol, sum((u.quantity + u.buys) * u.lot)::float8 as hi,
                         sum((u.sells - u.quantity) * u.lot)::float8 as lo
                    from (select b.account_id, b.symbol, b.quantity, b.buys, b.sells, b.lot
                            from jsonb_to_recordset(p_book) as b(
                              account_id text, symbol text, quantity numeric, buys numeric,
                              sells numeric, lot numeric)
                          union all
                          select p_account_id, p_symbol, 0, 0, 0, p_lot) u
                   where u.account_id = p_account_id
                   group by u.symbol) h
            join risk.scenarios s on s.symbol = h.symbol
           cross join lateral unnest(s.returns) with ordinality as r(value, nr)
           group by r.nr) o;
  -- Nothing, then half of what is left between what fits and what does not.
  loop
    select case p_kind when 'scenario_var_pct' then min(t.loss) else avg(t.loss) end into v_tail
      from (select x.loss + x.slope * v_tried::float8 as loss
              from unnest(v_losses, v_slopes) as x(loss, slope)
             order by 1 desc
             limit ceil(cardinality(v_losses) * 0.01)) t;
    if v_tail <= v_most then
      v_fits := v_tried;
    elsif v_tried = 0 then
      return 0;
    else
      v_over := v_tried;
    end if;
    exit when v_over - v_fits <= 1;
    v_tried := div(v_fits + v_over, 2);
  end loop;
  return v_fits;
end $$;
comment on function risk.tail_room(
  jsonb, text, text, text, numeric, numeric, numeric, text, numeric) is
  'How many volume steps of an order keep an account''s tail within an amount of money. For books whose scenarios are good. Internal.';
