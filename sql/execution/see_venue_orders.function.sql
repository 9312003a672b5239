-- Working orders of others are known, not managed: they are listed as long as the venue does.
create or replace function execution.see_venue_orders(
  p_account_id text, p_reconciliation_id uuid, p_orders jsonb, p_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into execution.venue_orders as held
    (account_id, venue_order_id, org_id, origin, state, symbol, side, order_type, quantity,
     filled_quantity, price, magic, comment, reconciliation_id, first_seen_at, last_seen_at)
  select p_account_id, x.venue_order_id, c.org_id, x.origin, 'working', x.symbol, x.side,
         x.order_type, x.quantity, 0, x.price, x.magic, x.comment, p_reconciliation_id, p_at, p_at
    from jsonb_to_recordset(p_orders) as x(
      venue_order_id text, origin text, symbol text, side text, order_type text,
      quantity numeric, price numeric, magic text, comment text)
    join public.accounts c on c.account_id = p_account_id
  on conflict (account_id, venue_order_id) do update
     set quantity = excluded.quantity, price = excluded.price, state = 'working',
         last_seen_at = excluded.last_seen_at;
  update execution.venue_orders v set state = 'gone', last_seen_at = p_at
   where v.account_id = p_account_id and v.state = 'working'
     and v.venue_order_id not in (
       select x.venue_order_id from jsonb_to_recordset(p_orders) as x(venue_order_id text));
end $$;
comment on function execution.see_venue_orders(text, uuid, jsonb, timestamptz) is
  'Keep the list of other people''s working orders. Called by other procedures only.';
