-- Not a definer: it runs inside the procedures that call it, and the planner folds it in.
create or replace function risk.lot_value(p_venue_id text, p_symbol text, p_currency text)
returns table (
  bid numeric, ask numeric, mid numeric, received_at timestamptz, contract_size numeric,
  rate numeric, lot_value numeric)
language sql stable as $$
  select q.bid, q.ask, (q.bid + q.ask) / 2, q.received_at, i.contract_size, x.rate,
         round(i.contract_size * (q.bid + q.ask) / 2 * x.rate, 8)
    from public.instruments i
    left join public.latest_quotes q on q.venue_id = p_venue_id and q.symbol = i.symbol
    cross join lateral (
      select case
               when i.quote_currency = p_currency then 1::numeric
               when i.base_currency = p_currency then 2 / (q.bid + q.ask)
               -- A call, so that the pairs of both are looked for only where it takes them.
               else risk.cross_rate(p_venue_id, i.quote_currency, p_currency)
             end as rate) x
   where i.symbol = p_symbol
$$;
comment on function risk.lot_value(text, text, text) is
  'Last quote of a symbol at a venue and the value of one lot in a currency; null where no quote or no rate is known.';
