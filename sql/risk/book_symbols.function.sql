create or replace function risk.book_symbols(
  p_items jsonb, p_accounts text[], p_reaches text[]) returns text[]
language plpgsql stable as $$
declare
  v_wide boolean := cardinality(p_reaches) > 1;
begin
  return array(
    select x.item ->> 'symbol' from jsonb_array_elements(p_items) as x(item)
     where x.item ->> 'symbol' is not null
    union
    select p.symbol from public.positions p
     where p.quantity <> 0 and (v_wide or p.account_id = any (p_accounts))
    union
    select r.symbol from risk.reservations r
     where r.released_at is null and (v_wide or r.account_id = any (p_accounts)));
end $$;
comment on function risk.book_symbols(jsonb, text[], text[]) is
  'Symbols that a batch of intents asks for or that the books which it is judged in hold. Internal.';
