"""Both sides' books as they are compared: the venue's by mt5 functions, ours by reading rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from backend.errors import DeskError
from backend.venues.mt5.protocol import Terminal

END_OF_TIME_S = (1 << 31) - 1
EXPERT = 3
"""The terminal says so of what a program sent; its own stops and targets are called otherwise."""
_BUY, _SELL = 0, 1


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order in the terminal's lists; state is its ORDER_STATE."""

    ticket: str
    magic: int
    by_program: bool
    working: bool
    state: int


@dataclass(frozen=True, slots=True)
class Trade:
    """A deal there, a fill here. Costs are positive."""

    ticket: str
    order_ticket: str | None
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    costs: Decimal
    swap: Decimal
    profit: Decimal | None


@dataclass(frozen=True, slots=True)
class VenueBooks:
    """What the terminal holds."""

    orders: tuple[VenueOrder, ...]
    trades: tuple[Trade, ...]
    positions: dict[str, Decimal]
    balance: Decimal


@dataclass(frozen=True, slots=True)
class DeskOrder:
    """An order of ours."""

    order_id: str
    correlation_id: str
    quantity: Decimal
    filled: Decimal
    status: str
    venue_order_id: str | None
    outcome: str | None
    intent_id: str
    order_type: str = "market"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call that was, or was not, made for an order."""

    order_id: str
    magic: int
    state: str


@dataclass(frozen=True, slots=True)
class Worked:
    """An order that was worked by several of ours, as its plan's row says."""

    intent_id: str
    quantity: Decimal
    filled: Decimal | None
    state: str


@dataclass(frozen=True, slots=True)
class DeskBooks:
    """What our rows say. alerts: outcomes by the alert's id."""

    alerts: dict[str, list[str]]
    orders: tuple[DeskOrder, ...]
    attempts: tuple[Attempt, ...]
    trades: tuple[Trade, ...]
    positions: dict[str, Decimal]
    cash: Decimal
    troubles: tuple[str, ...]
    worked: tuple[Worked, ...] = ()


def read_venue(terminal: Terminal, login: int) -> VenueBooks:
    """Read a terminal's lists whole. Raises DeskError where it does not give one."""
    terminal.open()
    try:
        if not terminal.initialize(login=login):
            raise DeskError("chaos.terminal", f"no login: {terminal.last_error()}", "see its log")
        span = (0, END_OF_TIME_S)
        past = _given(terminal, terminal.history_orders_get(*span))
        working = _given(terminal, terminal.orders_get())
        deals = _given(terminal, terminal.history_deals_get(*span))
        positions = _given(terminal, terminal.positions_get())
        held: dict[str, Decimal] = {}
        for p in positions:
            sign = 1 if p.type == _BUY else -1
            held[p.symbol] = held.get(p.symbol, Decimal(0)) + sign * exact(p.volume)
        return VenueBooks(
            (*_orders(past, working=False), *_orders(working, working=True)),
            tuple(_trade(deal) for deal in deals if deal.type in (_BUY, _SELL)),
            {symbol: quantity for symbol, quantity in held.items() if quantity},
            exact(terminal.account_info().balance),
        )
    finally:
        terminal.close()


def exact(number: float) -> Decimal:
    """Return what a float was written as."""
    return Decimal(repr(float(number)))


def _given(terminal: Terminal, rows: Any) -> tuple[Any, ...]:
    if rows is None:
        raise DeskError("chaos.terminal", f"no list: {terminal.last_error()}", "see its log")
    return tuple(rows)


def _orders(rows: Iterable[Any], *, working: bool) -> Iterable[VenueOrder]:
    return (
        VenueOrder(str(o.ticket), int(o.magic), o.reason == EXPERT, working, int(o.state))
        for o in rows
    )


def _trade(deal: Any) -> Trade:
    return Trade(
        str(deal.ticket),
        str(deal.order),
        deal.symbol,
        "BUY" if deal.type == _BUY else "SELL",
        exact(deal.volume),
        exact(deal.price),
        -exact(deal.commission) - exact(deal.fee),
        exact(deal.swap),
        exact(deal.profit),
    )


_ALERTS = """
select r.alert_id::text as alert_id,
       array_remove(array_agg(o.outcome), null) as outcomes
  from public.signals_raw r
  left join public.alert_outcomes o on o.correlation_id = r.correlation_id
 group by r.alert_id
"""
_ORDERS = """
select o.order_id::text as order_id, o.correlation_id::text as correlation_id, o.quantity,
       o.filled_quantity as filled, o.status, o.venue_order_id, a.outcome,
       o.intent_id::text as intent_id, o.order_type
  from public.orders o
  left join public.intents n on n.intent_id = o.intent_id
  -- A cover ends nobody's alert.
  left join public.alert_outcomes a on a.correlation_id = o.correlation_id
                                   and n.kind = 'allocate'
 where o.account_id = %(account)s
"""
_WORKED = """
select p.intent_id::text as intent_id, p.quantity, p.filled_quantity as filled, p.state
  from execution.parents p where p.account_id = %(account)s
"""
_ATTEMPTS = """
select a.order_id::text as order_id, a.magic, a.state
  from execution.attempts a where a.account_id = %(account)s
"""
_FILLS = """
select f.venue_trade_id as ticket, null as order_ticket, f.symbol, f.side, f.quantity, f.price,
       f.commission + coalesce(f.fee, 0) as costs, f.swap, f.venue_pnl as profit
  from public.fills f where f.account_id = %(account)s
"""
_POSITIONS = """
select p.symbol, p.quantity from public.positions p
 where p.account_id = %(account)s and p.quantity <> 0
"""
_CASH = """
select coalesce(sum(e.amount), 0) as cash
  from ledger.entries e join public.accounts c using (account_id)
 where e.account_id = %(account)s and e.book = 'cash' and e.currency = c.currency
"""
_TROUBLES = """
select 'halt: ' || h.reason as trouble from governance.halts h where h.lifted_at is null
union all
select 'reconciliation: ' || r.summary from execution.reconciliations r
 where r.state = 'unexplained'
union all
select 'dead letter of ' || d.agent || ': ' || d.error from bus.dead_letters d
"""


def read_desk(conn: Connection[Any], account_id: str) -> DeskBooks:
    """Read our books in one snapshot, as a login that may read and nothing else."""
    asked = {"account": account_id}
    with conn.transaction(), conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")

        def rows(query: str) -> list[dict[str, Any]]:
            return cursor.execute(query.encode(), asked).fetchall()

        return DeskBooks(
            {row["alert_id"]: row["outcomes"] for row in rows(_ALERTS)},
            tuple(DeskOrder(**row) for row in rows(_ORDERS)),
            tuple(Attempt(**row) for row in rows(_ATTEMPTS)),
            tuple(Trade(**row) for row in rows(_FILLS)),
            {row["symbol"]: row["quantity"] for row in rows(_POSITIONS)},
            rows(_CASH)[0]["cash"],
            tuple(str(row["trouble"]) for row in rows(_TROUBLES)),
            tuple(Worked(**row) for row in rows(_WORKED)),
        )
