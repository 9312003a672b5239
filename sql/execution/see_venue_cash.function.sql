-- Money that moved at the venue without a trade is posted once. What was there when the books
-- began (no kind) is part of what they began with: it is known, and posts nothing.
create or replace function execution.see_venue_cash(
  p_account_id text, p_reconciliation_id uuid, p_movements jsonb, p_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if jsonb_array_length(p_movements) = 0 then
    return;
  end if;
  insert into execution.venue_cash
    (account_id, venue_trade_id, org_id, kind, amount, comment, executed_at, reconciliation_id)
  select p_account_id, x.venue_ref, c.org_id, coalesce(x.kind, 'opening'), x.amount, x.note,
         coalesce(x.occurred_at, p_at), p_reconciliation_id
    from jsonb_to_recordset(p_movements) as x(
      venue_ref text, kind text, amount numeric, note text, occurred_at timestamptz)
    join public.accounts c on c.account_id = p_account_id
  on conflict (account_id, venue_trade_id) do nothing;
  perform ledger.post_movements((
    select coalesce(jsonb_agg(x.item || jsonb_build_object(
             'i', x.nr, 'account_id', p_account_id)), '[]')
      from jsonb_array_elements(p_movements) with ordinality as x(item, nr)
     where x.item ->> 'kind' is not null));
end $$;
comment on function execution.see_venue_cash(text, uuid, jsonb, timestamptz) is
  'Post money that moved at the venue without a trade. Called by other procedures only.';
