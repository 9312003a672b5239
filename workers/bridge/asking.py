"""From an attempt, as Postgres prepared it, to what the venue is asked."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.values import Side, read_instant
from backend.venues.model import AttemptRequest, VenuePosition, WorkingTime, WorkingType
from backend.venues.mt5.venue import Mt5Venue

Prepared = Mapping[str, Any]


class NothingToReduce(Exception):
    """The order may only reduce, and the venue holds nothing that it could reduce."""


def request_of(prepared: Prepared, venue: Mt5Venue) -> AttemptRequest:
    """Say what is to be sent. Raises NothingToReduce, VenueUnavailable."""
    side = Side(prepared["side"])
    volume, ticket = Decimal(prepared["quantity"]), None
    if prepared["reduce_only"]:
        # Without its position a hedging account would open a second one, and a netting account
        # would turn what is smaller than the order.
        volume, ticket = closing(venue.positions(prepared["symbol"]), side, volume)
    return _attempt(prepared, volume, ticket)


def _attempt(prepared: Prepared, volume: Decimal, ticket: int | None) -> AttemptRequest:
    return AttemptRequest(
        attempt_id=UUID(prepared["attempt_id"]),
        client_order_id=prepared["client_order_id"],
        symbol=prepared["symbol"],
        side=Side(prepared["side"]),
        order_type=WorkingType(prepared["order_type"]),
        volume=volume,
        price=decimal_of(prepared["limit_price"]),
        stop_loss=decimal_of(prepared["stop_loss"]),
        take_profit=decimal_of(prepared["take_profit"]),
        deviation_points=int(prepared["deviation_points"]),
        position_ticket=ticket,
        time_in_force=WorkingTime(prepared["time_in_force"]),
        magic=int(prepared["magic"]),
        stop_price=decimal_of(prepared["stop_price"]),
        good_till=None if prepared["good_till"] is None else read_instant(prepared["good_till"]),
    )


def changed_request(prepared: Prepared) -> AttemptRequest:
    """Say under which terms an order is to work on: as it was, with what is wanted."""
    terms = {**prepared, **prepared["change"]["wanted"], "reduce_only": False}
    return _attempt(terms, Decimal(prepared["quantity"]), None)


def closing(
    positions: tuple[VenuePosition, ...], side: Side, volume: Decimal
) -> tuple[Decimal, int]:
    """Choose which position an order closes, and how much of it; one request closes one.

    The smallest that holds the whole order, else the largest: then the order ends with a part.
    Raises NothingToReduce.
    """
    held = [position for position in positions if position.side is side.opposite]
    if not held:
        raise NothingToReduce(f"no position that a {side.value} would reduce")
    enough = [position for position in held if position.volume >= volume]
    chosen = min(enough, key=_size) if enough else max(held, key=_size)
    return min(volume, chosen.volume), chosen.ticket


def _size(position: VenuePosition) -> tuple[Decimal, int]:
    return position.volume, position.ticket


def decimal_of(text: str | None) -> Decimal | None:
    """Read an exact number where there is one."""
    return None if text is None else Decimal(text)
