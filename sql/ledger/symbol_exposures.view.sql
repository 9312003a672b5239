drop view if exists ledger.symbol_exposures;
create view ledger.symbol_exposures with (security_invoker = true) as
select e.org_id, e.symbol, e.currency, sum(e.quantity) as quantity,
       sum(abs(e.notional)) as gross, sum(e.notional) as net,
       sum(e.unrealized_pnl) as unrealized_pnl, sum(e.realized_pnl) as realized_pnl,
       sum(e.commission) as commission, count(*) filter (where e.quantity <> 0) as positions,
       count(*) filter (where e.quantity <> 0 and e.notional is null) as unvalued
  from (
    select p.org_id, p.account_id, a.venue_id, p.symbol, a.currency, p.quantity, p.average_price,
           (q.bid + q.ask) / 2 as mark, q.quoted_at,
           round(p.quantity * i.contract_size * (q.bid + q.ask) / 2 * x.rate, 2) as notional,
           round((case when p.quantity > 0 then q.bid else q.ask end - p.average_price)
                 * p.quantity * i.contract_size * x.rate, 2) as unrealized_pnl,
           round(p.realized_pnl, 2) as realized_pnl, round(p.commission, 2) as commission
      from public.positions p
      join public.accounts a on a.account_id = p.account_id
      left join public.instruments i on i.symbol = p.symbol
      left join public.latest_quotes q on q.venue_id = a.venue_id and q.symbol = p.symbol
     cross join lateral (
       select case when i.quote_currency = a.currency then 1::numeric
                   when i.base_currency = a.currency then 2 / (q.bid + q.ask)
                   else coalesce(
                     (select (k.bid + k.ask) / 2 from public.latest_quotes k
                        join public.instruments n on n.symbol = k.symbol
                       where n.base_currency = i.quote_currency and n.quote_currency = a.currency
                       order by k.quoted_at desc limit 1),
                     (select 2 / (k.bid + k.ask) from public.latest_quotes k
                        join public.instruments n on n.symbol = k.symbol
                       where n.base_currency = a.currency and n.quote_currency = i.quote_currency
                       order by k.quoted_at desc limit 1)) end as rate) x) e
 group by e.org_id, e.symbol, e.currency;
comment on view ledger.symbol_exposures is
  'What each organisation has at stake in a symbol, per currency of its accounts.';
grant select on ledger.symbol_exposures to desk_reader, auditor, desk_operator, treasury_operator;
