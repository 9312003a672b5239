-- What the ledger says that an account holds. From a balance that was agreed on only what was
-- posted since needs to be read; without one everything is.
create or replace function execution.booked_cash(
  p_account_id text, p_base numeric, p_since timestamptz
) returns numeric
language plpgsql stable as $$
begin
  -- Not language sql: that would be planned again at every call.
  if p_base is null then
    return (select coalesce(sum(e.amount), 0)
              from public.accounts c
              join ledger.entries e on e.account_id = c.account_id and e.book = 'cash'
                                   and e.currency = c.currency
             where c.account_id = p_account_id);
  end if;
  return p_base + (
    select coalesce(sum(e.amount), 0)
      from public.accounts c
      join ledger.entries e on e.account_id = c.account_id and e.book = 'cash'
                           and e.currency = c.currency
     where c.account_id = p_account_id and e.posted_at > p_since);
end $$;
comment on function execution.booked_cash(text, numeric, timestamptz) is
  'The cash that the books give an account. Called by other procedures only.';
