-- A day of every account (UTC): what its cash began with, what moved it, what it ended with, and
-- whether the venue agrees to the cent. A day is closed once; what is posted later belongs to
-- the day on which it is posted, so that a closed day never changes.
create or replace function ledger.close_day(p_day date) returns int
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_from timestamptz := p_day::timestamp at time zone 'UTC';
  v_until timestamptz := (p_day + 1)::timestamp at time zone 'UTC';
  v_count int;
begin
  if v_until > v_now then
    raise exception 'the day % is not over', p_day using errcode = 'TR424';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('ledger.close_day', 0));
  perform ledger.convert_waiting(v_now);
  perform ledger.revalue_positions(v_now);
  insert into ledger.statements
    (account_id, day, org_id, currency, opening, movements, closing, unrealized, equity,
     venue_balance, venue_as_of, difference, positions, currencies, base_currency, base_rate,
     state, posted_until, generated_at)
  select a.account_id, p_day, a.org_id, a.currency, m.opening, m.movements, m.closing, m.worth,
         m.closing + m.worth, b.balance, b.as_of, d.difference,
         (select coalesce(jsonb_agg(x), '[]') from jsonb_array_elements(c.found) x
           where x ->> 'account_id' = a.account_id),
         m.currencies, g.base_currency,
         execution.conversion_rate(a.currency, g.base_currency, '', 0),
         case when d.difference is null or b.as_of < v_until - interval '1 day' then 'unknown'
              when d.difference = 0 then 'agreed' else 'differs' end,
         v_until, v_now
    from public.accounts a
    join public.organizations g on g.org_id = a.org_id
   cross join (select ledger.compare_positions(null) as found) c
    left join ledger.venue_balances b on b.account_id = a.account_id
   cross join lateral (
     select coalesce(sum(e.amount) filter (where e.cash and e.posted_at < v_from), 0) as opening,
            coalesce(sum(e.amount) filter (where e.cash and e.posted_at < v_until), 0) as closing,
            coalesce(sum(e.amount) filter (where e.cash and e.posted_at <= b.as_of), 0) as told,
            coalesce(sum(e.amount) filter (where e.book = 'unrealized'), 0) as worth,
            (select coalesce(jsonb_object_agg(k.book, (-k.amount)::text), '{}')
               from (select i.book, sum(i.amount) as amount
                       from ledger.entries i
                      where i.account_id = a.account_id and i.currency = a.currency
                        and i.posted_at >= v_from and i.posted_at < v_until
                        and i.book not in ('cash', 'unrealized', 'revaluation')
                      group by i.book having sum(i.amount) <> 0) k) as movements,
            (select coalesce(jsonb_object_agg(k.currency, k.amount::text), '{}')
               from (select i.currency, sum(i.amount) as amount
                       from ledger.entries i
                      where i.account_id = a.account_id and i.book = 'unconverted'
                      group by i.currency having sum(i.amount) <> 0) k) as currencies
       from (select i.amount, i.book, i.posted_at,
                    i.book = 'cash' and i.currency = a.currency as cash
               from ledger.entries i
              where i.account_id = a.account_id and i.book in ('cash', 'unrealized')) e) m
   cross join lateral (select round(b.balance - m.told, 2) as difference) d
  on conflict (account_id, day) do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function ledger.close_day(date) is
  'Convert what waits, value what is open, and write each account''s statement of a day; a day is closed once. TR424: the day is not over.';
grant execute on function ledger.close_day(date) to desk_operator;
