drop view if exists ledger.strategy_exposures;
create view ledger.strategy_exposures with (security_invoker = true) as
select f.org_id, f.strategy_id, f.account_id, f.symbol,
       sum(case f.side when 'BUY' then f.quantity else -f.quantity end) as quantity,
       sum(f.quantity) as traded, count(*) as fills,
       sum(f.realized_pnl) as realized_pnl, sum(f.commission + f.fee - f.swap) as costs
  from public.fills f
 group by f.org_id, f.strategy_id, f.account_id, f.symbol;
comment on view ledger.strategy_exposures is
  'What each strategy''s own fills leave open, and what closing positions with them realised; accounts net across strategies.';
grant select on ledger.strategy_exposures to desk_reader, auditor, desk_operator, treasury_operator;
