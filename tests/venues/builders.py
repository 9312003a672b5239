"""Attempts and rules for the tests of the adapter."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from backend.values import OrderType, Side
from backend.venues.model import AttemptRequest, InstrumentSpec

EURUSD = InstrumentSpec(
    symbol="EURUSD",
    venue_symbol="EURUSD",
    digits=5,
    point=Decimal("0.00001"),
    tick_size=Decimal("0.00001"),
    tick_value=Decimal(1),
    contract_size=Decimal(100_000),
    volume_min=Decimal("0.01"),
    volume_max=Decimal(500),
    volume_step=Decimal("0.01"),
    stops_level_points=10,
    freeze_level_points=0,
    filling_mask=3,
    execution_mode=2,
    trade_mode=4,
    currency_base="EUR",
    currency_profit="USD",
    currency_margin="EUR",
)


def a_spec(**changes: Any) -> InstrumentSpec:
    """Rules of EURUSD, with changes."""
    return replace(EURUSD, **changes)


def an_attempt(**changes: Any) -> AttemptRequest:
    """A market order to buy a tenth of a lot of EURUSD, with changes."""
    attempt_id: UUID = changes.pop("attempt_id", uuid4())
    given: dict[str, Any] = {
        "attempt_id": attempt_id,
        "client_order_id": f"dc{attempt_id.hex[-18:]}",
        "symbol": "EURUSD",
        "side": Side.BUY,
        "order_type": OrderType.MARKET,
        "volume": Decimal("0.1"),
    }
    return AttemptRequest(**(given | changes))
