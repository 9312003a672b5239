create or replace function ledger.revalue_positions(p_at timestamptz) returns int
language plpgsql as $$
declare
  v_count int;
begin
  -- Open positions at the side of the quote that would close them; without a quote or a rate
  -- what was posted last stays.
  insert into ledger.entries
    (transaction_id, line, org_id, account_id, symbol, kind, book, currency, amount, rate,
     occurred_at, posted_at)
  select v.id, l.line, v.org_id, v.account_id, v.symbol, 'revaluation', l.book, v.currency,
         l.amount, v.rate, p_at, p_at
    from (
      select bus.uuid7() as id, u.*, u.worth - u.standing as change
        from (
          select p.org_id, p.account_id, p.symbol, a.currency, x.rate,
                 case when p.quantity = 0 then 0
                      else round((case when p.quantity > 0 then q.bid else q.ask end
                                  - p.average_price) * p.quantity * n.contract_size * x.rate, 8)
                 end as worth,
                 coalesce(s.amount, 0) as standing
            from public.positions p
            join public.accounts a on a.account_id = p.account_id
            join public.instruments n on n.symbol = p.symbol
            left join public.latest_quotes q on q.venue_id = a.venue_id and q.symbol = p.symbol
            left join (select e.account_id, e.symbol, sum(e.amount) as amount
                         from ledger.entries e where e.book = 'unrealized'
                        group by 1, 2) s on s.account_id = p.account_id and s.symbol = p.symbol
           cross join lateral (
             select execution.conversion_rate(n.quote_currency, a.currency, n.symbol,
                                              (q.bid + q.ask) / 2) as rate) x
           where p.quantity <> 0 or s.amount <> 0) u
       where u.worth <> u.standing) v
   cross join lateral (values (0, 'unrealized', v.change), (1, 'revaluation', -v.change))
     l(line, book, amount);
  get diagnostics v_count = row_count;
  return v_count / 2;
end $$;
comment on function ledger.revalue_positions(timestamptz) is
  'Post by how much the worth of open positions has changed since it was last posted. Called by other procedures only.';
