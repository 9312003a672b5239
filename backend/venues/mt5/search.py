"""Finding an order whose answer was lost: positions, orders and both histories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from backend.values import Side
from backend.venues.mt5.reports import exact, side_of

CLOCK_TOLERANCE = timedelta(seconds=5)
# Stop-loss, take-profit, stop-out: they inherit the marks of the position that they close.
_NOT_OURS = frozenset({4, 5, 6})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of the order. since_s: server seconds, None if the offset is unknown."""

    client_order_id: str
    magic: int | None
    volume: Decimal
    side: Side
    since_s: int | None


@dataclass(frozen=True, slots=True)
class Records:
    """What the terminal holds of one symbol, as the package gives it."""

    positions: Iterable[Any]
    working: Iterable[Any]
    finished: Iterable[Any]
    deals: Iterable[Any]


@dataclass(frozen=True, slots=True)
class Match:
    """Tickets of orders that may be the wanted one; any other count than one is no answer."""

    order_tickets: frozenset[int]
    matched_by: str


def match_orders(wanted: Wanted, records: Records) -> Match | None:
    """Find by magic or comment, else by shape, because brokers overwrite comments."""
    marked = _marked(wanted, records)
    if marked:
        return Match(frozenset(marked), "id")
    shaped = {
        order.ticket for order in (*records.working, *records.finished) if _has_shape(wanted, order)
    }
    if shaped:
        return Match(frozenset(shaped), "shape")
    # A position that carries our mark while no order does: the histories lag behind.
    if any(_is_marked(wanted, position) for position in records.positions):
        return Match(frozenset(), "position")
    return None


def _marked(wanted: Wanted, records: Records) -> set[int]:
    orders = (*records.working, *records.finished)
    found = {o.ticket for o in orders if o.reason not in _NOT_OURS and _is_marked(wanted, o)}
    deals = (d for d in records.deals if d.order and d.reason not in _NOT_OURS)
    return found | {d.order for d in deals if _is_marked(wanted, d)}


def _is_marked(wanted: Wanted, record: Any) -> bool:
    if wanted.magic is not None and record.magic == wanted.magic:
        return True
    return bool(record.comment) and record.comment == wanted.client_order_id


def _has_shape(wanted: Wanted, order: Any) -> bool:
    # An order that carries somebody's number is somebody's.
    if order.magic != 0 or order.reason in _NOT_OURS:
        return False
    if exact(order.volume_initial) != wanted.volume or side_of(order.type) is not wanted.side:
        return False
    if wanted.since_s is None:
        return False
    return order.time_setup >= wanted.since_s - CLOCK_TOLERANCE.total_seconds()
