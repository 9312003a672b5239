drop view if exists ledger.balances;
create view ledger.balances with (security_invoker = true) as
select e.org_id, e.account_id, e.currency, e.book, sum(e.amount) as amount, count(*) as entries
  from ledger.entries e
 group by e.org_id, e.account_id, e.currency, e.book;
comment on view ledger.balances is
  'What each book of each account stands at; debit positive. Per account and currency they sum to zero.';
grant select on ledger.balances to desk_reader, auditor, desk_operator, treasury_operator;
