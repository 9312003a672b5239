create or replace function ops.broken_ledger_of_fills() returns setof text
language sql stable security definer set search_path = '' as $$
  select f.fill_id::text
    from public.fills f
    join public.accounts a on a.account_id = f.account_id
    left join lateral (
      select coalesce(sum(e.amount) filter (
               where e.book = 'cash' and e.currency = a.currency), 0) as cash,
             coalesce(sum(e.amount) filter (where e.book = 'commission'), 0) as commission
        from ledger.entries e where e.transaction_id = f.fill_id) e on true
   where f.recorded_at > clock_timestamp() - interval '1 day'
     and (e.commission <> f.commission
          or e.cash <> coalesce(f.venue_pnl, f.realized_pnl) - f.commission - f.fee + f.swap)
  union all
  select e.transaction_id::text
    from ledger.entries e
   where e.posted_at > clock_timestamp() - interval '1 day'
   group by e.transaction_id, e.currency having sum(e.amount) <> 0
   limit 100
$$;
comment on function ops.broken_ledger_of_fills() is
  'Invariant: the ledger has the money of each fill of the last day, and every transaction of it balances. Called by other procedures only.';
