create or replace function ops.record_accounts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  -- In one order everywhere, so that this and an authorisation never wait for each other.
  perform from risk.account_state s
    where s.account_id in (select x.account_id
                             from jsonb_to_recordset(p_items) as x(account_id text))
    order by s.account_id for update;
  insert into risk.account_state as s
    (account_id, equity, peak_equity, day, day_start_equity, realized_today, as_of)
  select x.account_id, x.equity, x.equity, (x.as_of at time zone 'UTC')::date, x.equity, 0,
         x.as_of
    from jsonb_to_recordset(p_items) as x(
      account_id text, equity numeric, balance numeric, as_of timestamptz)
   order by x.account_id
  on conflict (account_id) do update
     set equity = excluded.equity,
         peak_equity = greatest(s.peak_equity, excluded.equity),
         day_start_equity = case when s.day < excluded.day then excluded.equity
                                 else s.day_start_equity end,
         realized_today = case when s.day < excluded.day then 0 else s.realized_today end,
         day = greatest(s.day, excluded.day),
         as_of = excluded.as_of
   where s.as_of < excluded.as_of;
  insert into ledger.venue_balances as b (account_id, org_id, balance, equity, as_of)
  select x.account_id, a.org_id, x.balance, x.equity, x.as_of
    from jsonb_to_recordset(p_items) as x(
      account_id text, equity numeric, balance numeric, as_of timestamptz)
    join public.accounts a on a.account_id = x.account_id
   where x.balance is not null
   order by x.account_id
  on conflict (account_id) do update
     set balance = excluded.balance, equity = excluded.equity, as_of = excluded.as_of
   where b.as_of < excluded.as_of;
  -- Accounts may be told of by several readers: what others told of late counts as well.
  insert into treasury.balances as b (org_id, currency, cash, equity, as_of)
  select a.org_id, a.currency, sum(k.balance), sum(k.equity), max(k.as_of)
    from public.accounts a
    join ledger.venue_balances k on k.account_id = a.account_id
    join (select c.org_id, c.currency, max(x.as_of) as as_of
            from jsonb_to_recordset(p_items) as x(account_id text, as_of timestamptz)
            join public.accounts c on c.account_id = x.account_id
           group by c.org_id, c.currency) t
      on t.org_id = a.org_id and t.currency = a.currency
   where k.as_of > t.as_of - interval '1 minute'
   group by a.org_id, a.currency
   order by a.org_id, a.currency
  on conflict (org_id, currency) do update
     set cash = excluded.cash, equity = excluded.equity, as_of = excluded.as_of;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.record_accounts(jsonb) is
  'Keep what the venue says of equity and balance: peak, day''s start, treasury cash.';
grant execute on function ops.record_accounts(jsonb) to market_data_agent;
