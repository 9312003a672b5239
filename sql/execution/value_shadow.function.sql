-- Where a figure is unknown nothing is written: the account's state ages, and authority denies.
create or replace function execution.value_shadow(p_account_id text, p_at timestamptz)
returns void
language plpgsql as $$
declare
  v_worth record;
  v_day date := (p_at at time zone 'UTC')::date;
begin
  perform from risk.account_state s where s.account_id = p_account_id for update;
  select c.starting_balance + coalesce(sum(p.realized_pnl - p.commission), 0)
           + coalesce(sum(p.quantity * (case when p.quantity > 0 then l.bid else l.ask end
                                        - p.average_price) * l.contract_size * l.rate), 0)
           as equity,
         bool_or(p.quantity <> 0 and l.rate is null) is true as unknown
    into v_worth
    from public.accounts c
    left join public.positions p on p.account_id = c.account_id
    left join lateral (
      select k.bid, k.ask, k.contract_size, k.rate
        from risk.lot_value(c.venue_id, p.symbol, c.currency) k where p.quantity <> 0) l on true
   where c.account_id = p_account_id
   group by c.starting_balance;
  if v_worth.unknown then
    return;
  end if;
  update risk.account_state s
     set equity = v_worth.equity, peak_equity = greatest(s.peak_equity, v_worth.equity),
         day_start_equity = case when s.day < v_day then v_worth.equity
                                 else s.day_start_equity end,
         realized_today = case when s.day < v_day then 0 else s.realized_today end,
         day = greatest(s.day, v_day), as_of = p_at
   where s.account_id = p_account_id and s.as_of < p_at;
end $$;
comment on function execution.value_shadow(text, timestamptz) is
  'Value an account in the shadow by its own books and the market that it sees. Called by other procedures only.';
