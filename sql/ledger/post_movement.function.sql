create or replace function ledger.post_movement(
  p_transaction_id uuid, p_kind text, p_account_id text, p_currency text, p_amount numeric,
  p_occurred_at timestamptz, p_note text, p_at timestamptz
) returns boolean
language plpgsql as $$
begin
  insert into ledger.entries
    (transaction_id, line, org_id, account_id, kind, book, currency, amount, note, occurred_at,
     posted_at)
  select p_transaction_id, l.line, a.org_id, a.account_id, p_kind, l.book, p_currency, l.amount,
         p_note, p_occurred_at, p_at
    from public.accounts a
   cross join lateral (values
     (0, 'cash', p_amount),
     (1, case when p_kind in ('deposit', 'withdrawal') then 'capital' else p_kind end,
      -p_amount)) l(line, book, amount)
   where a.account_id = p_account_id
  on conflict (transaction_id, line) do nothing;
  return found;
end $$;
comment on function ledger.post_movement(uuid, text, text, text, numeric, timestamptz, text, timestamptz) is
  'Post money that came (positive) or went in an account''s cash; a transaction is posted once. Called by other procedures only.';
