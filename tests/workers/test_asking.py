"""What a reducing order closes: one position a request, and never what is not there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.values import Side
from backend.venues.model import VenuePosition
from workers.bridge.asking import NothingToReduce, closing


def held(*positions: tuple[int, Side, str]) -> tuple[VenuePosition, ...]:
    """Give positions by ticket, side and volume."""
    none = (None, None, Decimal(0), Decimal(0), 0, "", None)
    return tuple(
        VenuePosition(t, t, "EURUSD", side, Decimal(v), Decimal(1), Decimal(1), *none)
        for t, side, v in positions
    )


@pytest.mark.parametrize(
    ("positions", "volume", "ticket"),
    [
        # The smallest that holds it all, so that the order is filled whole.
        ([(1, Side.BUY, "0.5"), (2, Side.BUY, "0.3"), (3, Side.BUY, "0.1")], "0.2", 2),
        # None does: the largest, and the order ends with a part.
        ([(1, Side.BUY, "0.1"), (2, Side.BUY, "0.15")], "0.15", 2),
        ([(1, Side.SELL, "9"), (2, Side.BUY, "0.2")], "0.2", 2),
    ],
)
def test_one_position_is_closed_and_no_more_than_it_has(
    positions: list[tuple[int, Side, str]], volume: str, ticket: int
):
    assert closing(held(*positions), Side.SELL, Decimal("0.2")) == (Decimal(volume), ticket)


def test_nothing_is_sent_where_nothing_can_be_reduced():
    with pytest.raises(NothingToReduce):
        closing(held((1, Side.SELL, "1")), Side.SELL, Decimal(1))
