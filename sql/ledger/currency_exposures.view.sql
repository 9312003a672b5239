drop view if exists ledger.currency_exposures;
create view ledger.currency_exposures with (security_invoker = true) as
select l.org_id, l.account_id, l.currency, sum(l.amount) as amount,
       sum(l.amount) filter (where l.kind = 'position') as positions,
       sum(l.amount) filter (where l.kind = 'cash') as cash
  from (
    select p.org_id, p.account_id, i.base_currency as currency, 'position' as kind,
           p.quantity * i.contract_size as amount
      from public.positions p join public.instruments i on i.symbol = p.symbol
     where p.quantity <> 0
    union all
    select p.org_id, p.account_id, i.quote_currency, 'position',
           -p.quantity * i.contract_size * p.average_price
      from public.positions p join public.instruments i on i.symbol = p.symbol
     where p.quantity <> 0
    union all
    select e.org_id, e.account_id, e.currency, 'cash', e.amount
      from ledger.entries e where e.book in ('cash', 'unconverted')) l
 group by l.org_id, l.account_id, l.currency;
comment on view ledger.currency_exposures is
  'What each account is long or short of each currency: the legs of its positions at cost, and its cash.';
grant select on ledger.currency_exposures to desk_reader, auditor, desk_operator, treasury_operator;
