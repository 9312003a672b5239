-- The book in the worst case of every scenario: each symbol loses by what it may be long or by
-- what it may be short, whichever is worse on that day. A bound, not an estimate: whatever of
-- the reservations fills, no scenario loses more.
create or replace function risk.book_tails(
  p_book jsonb, p_account_id text, p_symbol text, p_side text, p_lot numeric, p_quantity numeric)
returns table (
  var_before numeric, var_after numeric, shortfall_before numeric, shortfall_after numeric)
language plpgsql stable as $$
begin
  return query
  with held as materialized (
    select h.symbol, sum(h.hi * h.lot)::float8 as hi, sum(h.lo * h.lot)::float8 as lo,
           sum(h.hi_after * h.lot)::float8 as hi_after, sum(h.lo_after * h.lot)::float8 as lo_after,
           bool_or(h.lot is null) as unvalued
      from (select b.symbol, b.quantity + b.buys as hi, b.sells - b.quantity as lo,
                   b.quantity + b.buys as hi_after, b.sells - b.quantity as lo_after, b.lot
              from jsonb_to_recordset(p_book) as b(
                account_id text, symbol text, quantity numeric, buys numeric, sells numeric,
                lot numeric)
             where b.account_id = p_account_id
            union all
            select p_symbol, 0, 0, case p_side when 'BUY' then p_quantity else 0 end,
                   case p_side when 'BUY' then 0 else p_quantity end, p_lot) h
     group by h.symbol
  ), known as materialized (
    select h.*, s.returns
      from held h
      left join risk.scenarios s on s.symbol = h.symbol and s.good_until > clock_timestamp()
  ), outcome as materialized (
    select sum(least(k.hi * r.value, -k.lo * r.value)) as before,
           sum(least(k.hi_after * r.value, -k.lo_after * r.value)) as after
      from known k
      cross join lateral unnest(k.returns) with ordinality as r(value, nr)
     group by r.nr
  ), tail as (
    select ceil(count(*) * 0.01)::int as n from outcome
  ), ranked as (
    select o.before, o.after, row_number() over (order by o.before) as nr_before,
           row_number() over (order by o.after) as nr_after
      from outcome o
  )
  select round((-max(r.before) filter (where r.nr_before <= t.n))::numeric, 8),
         round((-max(r.after) filter (where r.nr_after <= t.n))::numeric, 8),
         round((-avg(r.before) filter (where r.nr_before <= t.n))::numeric, 8),
         round((-avg(r.after) filter (where r.nr_after <= t.n))::numeric, 8)
    from ranked r cross join tail t
  having not exists (select from known k where k.returns is null or k.unvalued)
  ;
end $$;
comment on function risk.book_tails(jsonb, text, text, text, numeric, numeric) is
  'One-day 99 % value at risk and expected shortfall of an account''s book before and after an order, in account currency; no row where a symbol has no scenarios that are good. Internal.';
