-- What one unit of a currency is worth in another: directly, through the traded pair itself,
-- or through the newest quote of the pair of both. Null if nothing says: callers decide.
create or replace function execution.conversion_rate(
  p_from text, p_to text, p_symbol text, p_price numeric
) returns numeric
language plpgsql stable security definer set search_path = '' as $$
begin
  if p_from = p_to then
    return 1;
  end if;
  if p_price > 0 and exists (
    select from public.instruments n
     where n.symbol = p_symbol and n.base_currency = p_to and n.quote_currency = p_from)
  then
    return 1 / p_price;
  end if;
  return coalesce(
    (select (q.bid + q.ask) / 2
       from public.instruments n
       join public.latest_quotes q on q.symbol = n.symbol
      where n.base_currency = p_from and n.quote_currency = p_to and q.bid > 0
      order by q.quoted_at desc limit 1),
    (select 2 / (q.bid + q.ask)
       from public.instruments n
       join public.latest_quotes q on q.symbol = n.symbol
      where n.base_currency = p_to and n.quote_currency = p_from and q.bid > 0
      order by q.quoted_at desc limit 1));
end $$;
comment on function execution.conversion_rate(text, text, text, numeric) is
  'Units of the second currency per unit of the first, null if no instrument or quote tells. Called by other procedures only.';
