-- The money that trades moved, as double entries. What a trade realises arises in the currency
-- that its symbol is quoted in and is converted at the rate of that moment; without a rate it
-- waits there. Cash has what the venue says, where it says it: what our own figures differ by is
-- valuation. Lines without an amount are not written.
create or replace function ledger.post_trades(p_booked jsonb, p_at timestamptz) returns void
language plpgsql as $$
begin
  insert into ledger.entries
    (transaction_id, line, org_id, account_id, strategy_id, symbol, kind, book, currency, amount,
     rate, occurred_at, posted_at)
  select x.fill_id, l.line, x.org_id, x.account_id, x.strategy_id, x.symbol, 'fill', l.book,
         l.currency, l.amount, case when l.book = 'conversion' then x.rate end,
         coalesce(x.filled_at, p_at), p_at
    from jsonb_to_recordset(p_booked) as x(
      fill_id uuid, org_id text, account_id text, strategy_id text, symbol text, currency text,
      quote_currency text, realized_pnl numeric, quoted_pnl numeric, profit numeric,
      commission numeric, fee numeric, swap numeric, rate numeric, filled_at timestamptz)
   cross join lateral (
     select x.quote_currency = x.currency as domestic,
            x.rate is null and x.profit is null as unknown) k
   cross join lateral (values
     (0, 'cash', x.currency, coalesce(x.profit, x.realized_pnl) - x.commission
                             - coalesce(x.fee, 0) + coalesce(x.swap, 0)),
     (1, 'realized', x.quote_currency,
      case when k.domestic then -x.realized_pnl else -x.quoted_pnl end),
     (2, 'commission', x.currency, x.commission),
     (3, 'fee', x.currency, x.fee),
     (4, 'swap', x.currency, -x.swap),
     (5, 'valuation', x.currency, x.realized_pnl - x.profit),
     (6, case when k.unknown then 'unconverted' else 'conversion' end, x.quote_currency,
      case when not k.domestic then x.quoted_pnl end),
     (7, 'conversion', x.currency,
      case when not k.domestic then -x.realized_pnl end)) l(line, book, currency, amount)
   where l.amount <> 0;
end $$;
comment on function ledger.post_trades(jsonb, timestamptz) is
  'Post the money of newly booked fills; each fill is a transaction of its own. Called by other procedures only.';
