"""What `desk bench orders` writes: authority to trade on, and the functions pgbench calls."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from backend.errors import DeskError
from research.bench.book import ACCOUNTS, furnish_book

# A batch goes through three transactions, as it does on the desk: opened, sent, recorded.
# Whatever is made up here (ids, prices, the venue's answers) is made up outside of the desk's
# procedures and counts all the same.
_SCHEMA = f"""
create schema bench;
create table bench.stock (
  client int not null, nr bigint not null, intent_id uuid not null, order_id uuid not null,
  attempt_id uuid not null, side text not null, primary key (client, nr));
create table bench.cursors (
  client int primary key, taken bigint not null default 0, opened bigint not null default 0);
insert into bench.cursors (client) select generate_series(0, {ACCOUNTS - 1});
create table bench.plain (body jsonb not null);

create function bench.open(p_client int, p_batch int) returns void language plpgsql as $$
declare
  v_from bigint;
begin
  update bench.cursors c set opened = c.taken, taken = c.taken + p_batch
   where c.client = p_client returning c.opened into v_from;
  if p_batch <> jsonb_array_length(execution.open_orders((
    select jsonb_agg(jsonb_build_object(
             'i', s.nr, 'intent_id', s.intent_id, 'children', jsonb_build_array(
               jsonb_build_object(
                 'order_id', s.order_id, 'child_index', 0, 'quantity', '0.10',
                 'limit_price', null, 'time_in_force', 'IOC', 'algorithm', 'immediate',
                 'deviation_points', 20, 'expires_at', now() + interval '1 minute'))))
      from bench.stock s
     where s.client = p_client and s.nr >= v_from and s.nr < v_from + p_batch))) then
    raise exception 'the stock of client % is used up', p_client;
  end if;
end $$;

create function bench.send(p_client int) returns void language plpgsql as $$
begin
  if exists (
    select from jsonb_array_elements(execution.open_attempts((
      select jsonb_agg(jsonb_build_object(
               'i', s.nr, 'order_id', s.order_id, 'attempt_id', s.attempt_id,
               'worker_id', '00000000-0000-7000-8000-00000000000b'))
        from bench.cursors c
        join bench.stock s on s.client = c.client and s.nr >= c.opened and s.nr < c.taken
       where c.client = p_client))) a
     where a ->> 'state' <> 'opened') then
    raise exception 'an attempt was not opened';
  end if;
end $$;

create function bench.fill(p_client int) returns void language plpgsql as $$
begin
  if exists (
    select from jsonb_array_elements(execution.record_reports((
      select jsonb_agg(jsonb_build_object(
               'i', s.nr, 'attempt_id', s.attempt_id,
               'worker_id', '00000000-0000-7000-8000-00000000000b', 'epoch', 1,
               'report', jsonb_build_object(
                 'status', 'filled', 'final', false, 'code', null, 'retcode', 10009,
                 'message', 'done', 'venue_order_id', s.nr::text, 'latency_ms', 12,
                 'fills', jsonb_build_array(jsonb_build_object(
                   'fill_id', gen_random_uuid(), 'venue_trade_id', s.nr::text,
                   'quantity', '0.10',
                   'price', (1.1 + (s.nr % 50) * 0.0001)::numeric(10, 5)::text,
                   'commission', '0.35', 'filled_at', clock_timestamp(),
                   'slippage_bps', '0.1', 'latency_ms', 12, 'liquidity_flag', 'TAKER',
                   'attribution', jsonb_build_object(
                     'market_move', '0', 'spread', '-1', 'slippage', '0',
                     'commission', '-0.35', 'total', '-1.35')))))
               order by s.nr)
        from bench.cursors c
        join bench.stock s on s.client = c.client and s.nr >= c.opened and s.nr < c.taken
       where c.client = p_client))) a
     where a ->> 'status' <> 'filled') then
    raise exception 'an order was not filled';
  end if;
end $$;
"""

_STOCK = """
with fresh as materialized (
  select c.client, c.top + g as nr, gen_random_uuid() as intent_id, gen_random_uuid() as order_id,
         gen_random_uuid() as attempt_id, case g %% 2 when 0 then 'BUY' else 'SELL' end as side
    from (select k.client, coalesce((select max(s.nr) + 1 from bench.stock s
                                      where s.client = k.client), 0) as top
            from bench.cursors k) c
   cross join generate_series(0, %(each)s - 1) g
), stocked as (
  insert into bench.stock (client, nr, intent_id, order_id, attempt_id, side)
  select f.client, f.nr, f.intent_id, f.order_id, f.attempt_id, f.side from fresh f
), reserved as (
  insert into risk.reservations
    (intent_id, account_id, symbol, side, quantity, remaining_quantity, notional,
     remaining_notional)
  select f.intent_id, 'bench-' || f.client, 'EURUSD', f.side, 0.1, 0.1, 11001, 11001 from fresh f
)
insert into public.intents
  (intent_id, correlation_id, org_id, account_id, strategy_id, venue_id, symbol, side, order_type,
   mode, requested_quantity, authorized_quantity, notional, reference_price, stop_loss,
   take_profit, state, risk_level, highest_utilization, policy_hash, created_at, expires_at,
   decided_at)
select f.intent_id, gen_random_uuid(), 'bench', 'bench-' || f.client, 'bench-' || f.client,
       'bench', 'EURUSD', f.side, 'market', 'paper', 0.1, 0.1, 11001, 1.1001,
       case f.side when 'BUY' then 1.0951 else 1.1051 end,
       case f.side when 'BUY' then 1.1101 else 1.0901 end, 'authorized', 'LOW', 0.1,
       p.policy_hash, now(), now() + interval '1 day', now()
  from fresh f, risk.policies p where p.active
"""

PLAIN = """
insert into bench.plain values (jsonb_build_object(
  'client', (:client_id)::int, 'at', clock_timestamp(), 'body', repeat('x', 200)));
"""


def furnish(conn: Connection[Any]) -> None:
    """Make the book with a bridge for each account, and the functions pgbench calls."""
    conn.execute(_SCHEMA.encode())
    conn.execute("set role desk_owner")
    furnish_book(conn)
    conn.execute(
        "insert into execution.account_leases (account_id, worker_id, epoch, expires_at)"
        " select a.account_id, '00000000-0000-7000-8000-00000000000b', 1,"
        "        now() + interval '1 day' from public.accounts a"
    )
    conn.execute("reset role")


def add_stock(conn: Connection[Any], each: int) -> None:
    """Authorise so many intents more for each account, ready to become orders."""
    conn.execute(_STOCK.encode(), {"each": each})
    for table in ("public.intents", "risk.reservations", "bench.stock"):
        conn.execute(f"vacuum (analyze) {table}".encode())


def batch_script(batch: int) -> str:
    """Give the pgbench script of one batch of a client's own account: three transactions."""
    return (
        f"select bench.open(:client_id, {batch});\n"
        "select bench.send(:client_id);\n"
        "select bench.fill(:client_id);\n"
    )


def count_filled(conn: Connection[Any]) -> int:
    """Count the fills that were ever booked."""
    row = conn.execute("select coalesce(sum(p.fills), 0) from public.positions p").fetchone()
    assert row is not None
    return int(row[0])


def refuse_unsound(conn: Connection[Any]) -> None:
    """Refuse figures of books that do not hold. Raises DeskError bench.unsound."""
    for name in ("positions_of_fills", "orders_of_fills", "ledger_of_fills"):
        row = conn.execute(f"select count(*) from ops.broken_{name}()".encode()).fetchone()
        if row is None or row[0]:
            raise DeskError("bench.unsound", f"{name} does not hold", "see desk db invariants")
