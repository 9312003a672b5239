"""Reading an account at its venue for a reconciliation, and the repairs that need no decision.

A stop that its position lost is set again, and an order that works although it ended in the
books is withdrawn: both say an end state, so that repeating them does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.domain.reconciliation.records import (
    Booked,
    Books,
    Deal,
    Held,
    ListedOrder,
    ListedPosition,
    Mark,
    Venue,
)
from backend.values import Side, format_decimal, format_instant, read_instant
from backend.venues.model import (
    CancelRequest,
    StopsRequest,
    VenueDeal,
    VenueOrder,
    VenuePosition,
    VenueReport,
)
from backend.venues.mt5.venue import Mt5Venue

Facts = Mapping[str, Any]


def survey(venue: Mt5Venue, prepared: Facts) -> dict[str, Any]:
    """Read what the venue lists, as JSON: trades that are booked as listed are only named.

    Raises VenueUnavailable.
    """
    venue.check_server_time()
    # Trades first: one that comes while we read is then in the positions and looks like a gap,
    # which is looked at again. The other way round it would be booked twice over.
    deals = venue.deals(read_instant(prepared["since"]))
    orders, positions, account = venue.orders(), venue.positions(), venue.account()
    known = prepared["trades"]
    same, news = [], []
    for deal in deals:
        booked = known.get(str(deal.ticket))
        alike = booked is not None and (
            Decimal(booked[0]) == deal.volume and Decimal(booked[1]) == deal.price
        )
        (same.append(str(deal.ticket)) if alike else news.append(_deal(deal)))
    return {
        "status": "surveyed",
        "code": None,
        "hedging": account.hedging,
        "trade_mode": account.trade_mode,
        "balance": format_decimal(account.balance),
        "equity": format_decimal(account.equity),
        "positions": [_position(position) for position in positions],
        "orders": [_order(order) for order in orders],
        "deals": news,
        "same": same,
        "stops": [_set_stops(venue, p, mark) for p, mark in _bare(positions, prepared)],
    }


def withdraw(venue: Mt5Venue, prepared: Facts, order: ListedOrder, name: str) -> VenueReport:
    """End an order at the venue that has ended in the books. Never raises for the venue."""
    ids = (UUID(prepared["reconciliation_id"]), name)
    return venue.cancel(CancelRequest(*ids, order.symbol, int(order.venue_order_id)))


def _bare(
    positions: tuple[VenuePosition, ...], prepared: Facts
) -> list[tuple[VenuePosition, Facts]]:
    """Find positions without the stop that they should have.

    That of the order which opened them, or what people gave them later.
    """
    found: list[tuple[VenuePosition, Facts]] = []
    for position in positions:
        if position.stop_loss is not None:
            continue
        known = [mark for mark in prepared["attempts"] if _is_of(mark, position)]
        if not known:
            continue
        last = max(known, key=lambda mark: read_instant(mark["stops_at"] or mark["opened_at"]))
        # People may have taken it away.
        if last["stop_loss"] is not None:
            found.append((position, last))
    return found


def _is_of(mark: Facts, position: VenuePosition) -> bool:
    if (mark["symbol"], mark["side"]) != (position.symbol, position.side.value):
        return False
    if mark["stops_at"] is not None and mark["stops_position"] == str(position.ticket):
        return True
    opened = int(mark["magic"]) == position.magic or mark["venue_order_id"] == str(
        position.identifier
    )
    return opened and (mark["stop_loss"] is not None or mark["stops_at"] is not None)


def _set_stops(venue: Mt5Venue, position: VenuePosition, mark: Facts) -> dict[str, Any]:
    target = position.take_profit
    if target is None and mark["take_profit"] is not None:
        target = Decimal(mark["take_profit"])
    told = venue.change_stops(
        StopsRequest(
            UUID(mark["attempt_id"]),
            mark["client_order_id"],
            position.symbol,
            position.ticket,
            Decimal(mark["stop_loss"]),
            target,
        )
    )
    return {
        "position": str(position.ticket),
        "symbol": position.symbol,
        "order_id": mark["order_id"],
        "stop_loss": mark["stop_loss"],
        "outcome": told.outcome.value,
        "message": told.message,
    }


# From the venue's records to JSON, and from JSON to what is compared


def _deal(deal: VenueDeal) -> dict[str, Any]:
    executed = deal.executed_at
    return {
        "venue_trade_id": str(deal.ticket),
        "venue_order_id": str(deal.order_ticket),
        "venue_position_id": str(deal.position_id),
        "symbol": deal.symbol,
        "side": None if deal.side is None else deal.side.value,
        "quantity": format_decimal(deal.volume),
        "price": format_decimal(deal.price),
        "commission": format_decimal(deal.commission),
        "fee": format_decimal(deal.fee),
        "swap": format_decimal(deal.swap),
        "profit": format_decimal(deal.profit),
        "magic": str(deal.magic),
        "comment": deal.comment,
        "reason": deal.reason,
        "executed_at": None if executed is None else format_instant(executed),
    }


def _position(position: VenuePosition) -> dict[str, Any]:
    return {
        "symbol": position.symbol,
        "side": position.side.value,
        "quantity": format_decimal(position.volume),
        "price": format_decimal(position.price_open),
    }


def _order(order: VenueOrder) -> dict[str, Any]:
    return {
        "venue_order_id": str(order.ticket),
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "quantity": format_decimal(order.volume_initial),
        "remaining": format_decimal(order.volume_remaining),
        "price": format_decimal(order.price),
        "magic": str(order.magic),
        "comment": order.comment,
        "reason": order.reason,
    }


def books_of(prepared: Facts, same: list[str]) -> Books:
    """Read our side. same: trades that the venue lists as they are booked."""
    listed = set(same)
    return Books(
        positions={
            p["symbol"]: Held(
                Decimal(p["quantity"]), Decimal(p["average_price"] or 0), p["updated_at"]
            )
            for p in prepared["positions"]
        },
        trades={
            trade_id: Booked(Decimal(quantity), Decimal(price), read_instant(filled_at))
            for trade_id, (quantity, price, _, filled_at) in prepared["trades"].items()
            if trade_id not in listed
        },
        marks=tuple(_mark(mark) for mark in prepared["attempts"]),
        in_flight=frozenset(prepared["in_flight"]),
        cash=frozenset(prepared["cash"]),
        balance=Decimal(prepared["balance"]),
        adopting=prepared["adopting"],
        before=frozenset(prepared["before"]),
        accepted=frozenset(prepared["accepted"]),
    )


def _mark(mark: Facts) -> Mark:
    return Mark(
        attempt_id=mark["attempt_id"],
        order_id=mark["order_id"],
        client_order_id=mark["client_order_id"],
        magic=int(mark["magic"]),
        venue_order_id=mark["venue_order_id"],
        symbol=mark["symbol"],
        side=Side(mark["side"]),
        status=mark["status"],
        state=mark["state"],
        strategy_id=mark["strategy_id"],
        correlation_id=mark["correlation_id"],
    )


def venue_of(prepared: Facts, report: Facts) -> Venue:
    """Read the venue's side."""
    return Venue(
        hedging=report["hedging"],
        balance=Decimal(report["balance"]),
        positions=tuple(
            ListedPosition(
                p["symbol"], Side(p["side"]), Decimal(p["quantity"]), Decimal(p["price"])
            )
            for p in report["positions"]
        ),
        orders=tuple(_listed(order) for order in report["orders"]),
        deals=tuple(_traded(deal) for deal in report["deals"]),
        since=read_instant(prepared["since"]),
    )


def _listed(order: Facts) -> ListedOrder:
    exact = {name: Decimal(order[name]) for name in ("quantity", "remaining", "price")}
    side, magic = Side(order["side"]), int(order["magic"])
    return ListedOrder(**{**order, **exact, "side": side, "magic": magic})


def _traded(deal: Facts) -> Deal:
    names = ("quantity", "price", "commission", "fee", "swap", "profit")
    executed: datetime | None = None
    if deal["executed_at"] is not None:
        executed = read_instant(deal["executed_at"])
    side = None if deal["side"] is None else Side(deal["side"])
    exact = {name: Decimal(deal[name]) for name in names}
    return Deal(
        **{**deal, **exact, "side": side, "magic": int(deal["magic"]), "executed_at": executed}
    )
