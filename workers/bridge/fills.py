"""From a venue's deal to a booked fill: its id, its costs, and the event that tells of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.orders import FillEvent, HedgeHint, PnlAttribution
from backend.domain.numbers import ZERO
from backend.domain.pnl import Attribution, FillFacts, attribute, notional, slippage_bps
from backend.values import Side, format_decimal, format_instant, read_instant
from workers.agent import Context


@dataclass(frozen=True, slots=True)
class FillBooking:
    """One new fill: the row for SQL, and the event for everyone else."""

    item: dict[str, Any]
    event: FillEvent


def fill_id_of(account_id: str, venue_trade_id: str, filled_at: datetime) -> UUID:
    """Return the id of a fill: the same trade always gets the same one (a UUIDv7 by layout)."""
    digest = hashlib.sha256(f"fill/{account_id}/{venue_trade_id}".encode()).digest()
    millis = int(filled_at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    tail = int.from_bytes(digest[:10], "big")
    high = (millis << 16) | 0x7000 | (tail >> 64 & 0x0FFF)
    low = (0b10 << 62) | (tail & 0x3FFF_FFFF_FFFF_FFFF)
    return UUID(int=(high << 64) | low)


def book_fills(
    prepared: Mapping[str, Any], said: Mapping[str, Any], context: Context
) -> list[FillBooking]:
    """Describe the fills of a report that were not booked before, in the report's order."""
    known = set(prepared["known_trades"])
    held = Decimal(prepared["position_quantity"])
    bookings: list[FillBooking] = []
    for fill in said["fills"]:
        if fill["venue_trade_id"] in known:
            continue
        known.add(fill["venue_trade_id"])
        held += Side(prepared["side"]).sign * Decimal(fill["quantity"])
        bookings.append(_book(prepared, said, fill, held, context))
    return bookings


def _book(
    prepared: Mapping[str, Any],
    said: Mapping[str, Any],
    fill: Mapping[str, Any],
    held: Decimal,
    context: Context,
) -> FillBooking:
    side = Side(prepared["side"])
    quantity, price = Decimal(fill["quantity"]), Decimal(fill["price"])
    reference, commission = Decimal(prepared["reference_price"]), Decimal(fill["commission"])
    # Without a conversion rate the money is unknown, not the fill; compliance reports it.
    point = Decimal(prepared["value_per_point"] or 0)
    split = attribute(
        FillFacts(side, quantity, price, point, commission),
        reference,
        _decimal(prepared["bid"]),
        _decimal(prepared["ask"]),
    )
    slippage = slippage_bps(side, price, reference)
    filled_at = context.now if fill["filled_at"] is None else read_instant(fill["filled_at"])
    fill_id = fill_id_of(prepared["account_id"], fill["venue_trade_id"], filled_at)
    residual = notional(held, price, point)
    event = FillEvent(
        fill_id=fill_id,
        order_id=UUID(prepared["order_id"]),
        intent_id=UUID(prepared["intent_id"]),
        attempt_id=UUID(prepared["attempt_id"]),
        venue_id=prepared["venue_id"],
        venue_trade_id=fill["venue_trade_id"],
        symbol=prepared["symbol"],
        side=side,
        filled_size=quantity,
        price=price,
        reference_price=reference,
        filled_at=filled_at,
        latency_ms=said["latency_ms"] or 0,
        slippage_bps=slippage,
        commission=commission,
        liquidity_flag="TAKER" if prepared["order_type"] != "limit" else "MAKER",
        pnl=PnlAttribution(**_parts(split)),
        hedge_hint=HedgeHint(
            residual_exposure=residual,
            suggested_side=None if residual == ZERO else Side.SELL if residual > 0 else Side.BUY,
        ),
        strategy_id=prepared["strategy_id"],
        account_id=prepared["account_id"],
        mode=prepared["mode"],
    )
    item = {
        **fill,
        "fill_id": str(fill_id),
        "filled_at": format_instant(filled_at),
        "slippage_bps": format_decimal(slippage),
        "latency_ms": said["latency_ms"],
        "liquidity_flag": event.liquidity_flag,
        "attribution": {name: format_decimal(value) for name, value in _parts(split).items()},
    }
    return FillBooking(item, event)


def _parts(split: Attribution) -> dict[str, Decimal]:
    return {
        "market_move": split.market_move,
        "spread": split.spread,
        "slippage": split.slippage,
        "commission": split.commission,
        "total": split.total,
    }


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
