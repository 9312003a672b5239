create or replace function ledger.convert_waiting(p_at timestamptz) returns int
language plpgsql as $$
declare
  v_waiting record;
  v_rate numeric;
  v_count int := 0;
begin
  -- Money that arose without a rate is converted at the first one that is known.
  for v_waiting in
    select e.account_id, e.org_id, e.currency, a.currency as home, sum(e.amount) as amount
      from ledger.entries e
      join public.accounts a on a.account_id = e.account_id
     where e.book = 'unconverted'
     group by 1, 2, 3, 4 having sum(e.amount) <> 0
     order by 1, 3
  loop
    v_rate := execution.conversion_rate(v_waiting.currency, v_waiting.home, '', 0);
    continue when v_rate is null;
    insert into ledger.entries
      (transaction_id, line, org_id, account_id, kind, book, currency, amount, rate, occurred_at,
       posted_at)
    select t.id, l.line, v_waiting.org_id, v_waiting.account_id, 'conversion', l.book, l.currency,
           l.amount, v_rate, p_at, p_at
      from (select bus.uuid7() as id) t
     cross join lateral (values
       (0, 'cash', v_waiting.home, round(v_waiting.amount * v_rate, 8)),
       (1, 'conversion', v_waiting.home, -round(v_waiting.amount * v_rate, 8)),
       (2, 'conversion', v_waiting.currency, v_waiting.amount),
       (3, 'unconverted', v_waiting.currency, -v_waiting.amount))
       l(line, book, currency, amount)
     where l.amount <> 0;
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;
comment on function ledger.convert_waiting(timestamptz) is
  'Convert what waits in another currency into that of its account, at the rate of now. Called by other procedures only.';
