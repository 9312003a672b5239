"""Normalisation as JSON: what goes in and what comes out, the same in Python and in Deno.

Decimals are strings, instants RFC 3339 with `Z`; canonical JSON of an outcome is one byte
string, whoever made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from backend.contracts.normalization import RULES
from backend.domain.instruments import Instrument, Lifecycle
from backend.domain.intake.wire import decode_distance
from backend.domain.normalize import Normalized, NormalizePolicy, NotNormalized, Quote, SignalFacts
from backend.domain.sessions import Calendar
from backend.values import OrderType, Side, format_decimal, format_instant


def decode_instrument(row: Mapping[str, Any]) -> Instrument:
    """Read an instrument as `intake.normalization_facts` writes it."""
    pip_size = row["pip_size"]
    return Instrument(
        symbol=row["symbol"],
        symbol_class=row["symbol_class"],
        base_currency=row["base_currency"],
        quote_currency=row["quote_currency"],
        digits=int(row["digits"]),
        tick_size=Decimal(row["tick_size"]),
        pip_size=None if pip_size is None else Decimal(pip_size),
        contract_size=Decimal(row["contract_size"]),
        volume_min=Decimal(row["volume_min"]),
        volume_max=Decimal(row["volume_max"]),
        volume_step=Decimal(row["volume_step"]),
        calendar=Calendar(row["calendar"]),
        lifecycle=Lifecycle(row["state"]),
        aliases=frozenset(row["aliases"]),
    )


def decode_quote(row: Mapping[str, Any] | None) -> Quote | None:
    """Read a quote as the facts have it."""
    if row is None:
        return None
    as_of = datetime.fromisoformat(row["as_of"])
    return Quote(Decimal(row["bid"]), Decimal(row["ask"]), as_of)


def decode_policy(section: Mapping[str, Any]) -> NormalizePolicy:
    """Read the pack's section of intake; keys of other readers are passed over."""
    return NormalizePolicy(
        default_timeframe=section["default_timeframe"],
        source_age_s_max=section["source_age_s_max"],
        source_ahead_s_max=section["source_ahead_s_max"],
        refuse_when_closed=section["refuse_when_closed"],
    )


def decode_facts(signal: Mapping[str, Any]) -> SignalFacts:
    """Read a signal as a case or a caller writes it; what is absent is null."""

    def decimal(name: str) -> Decimal | None:
        value = signal.get(name)
        return None if value is None else Decimal(value)

    source_time = signal.get("source_time")
    return SignalFacts(
        symbol_raw=signal["symbol_raw"],
        exchange=signal.get("exchange"),
        side=Side(signal["side"]),
        order_type=OrderType(signal["order_type"]),
        price=decimal("price"),
        stop_loss=decimal("stop_loss"),
        take_profit=decimal("take_profit"),
        stop_distance=decode_distance(signal.get("stop_distance")),
        take_distance=decode_distance(signal.get("take_distance")),
        timeframe=signal.get("timeframe"),
        source_time=None if source_time is None else datetime.fromisoformat(source_time),
        received_at=datetime.fromisoformat(signal["received_at"]),
        quote=decode_quote(signal.get("quote")),
    )


def encode_outcome(found: Normalized | NotNormalized) -> dict[str, Any]:
    """Write what came out."""
    if isinstance(found, NotNormalized):
        return {
            "outcome": RULES.refusals[found.code.value],
            "code": found.code.value,
            "detail": found.detail,
        }

    def decimal(value: Decimal | None) -> str | None:
        return None if value is None else format_decimal(value)

    return {
        "outcome": "normalized",
        "symbol": found.instrument.symbol,
        "symbol_class": found.instrument.symbol_class,
        "side": found.side.value,
        "order_type": found.order_type.value,
        "price": decimal(found.price),
        "stop_loss": decimal(found.stop_loss),
        "take_profit": decimal(found.take_profit),
        "timeframe": found.timeframe,
        "session": found.session,
        "session_tags": list(found.session_tags),
        "source_time": None if found.source_time is None else format_instant(found.source_time),
        "received_at": format_instant(found.received_at),
        "notes": list(found.notes),
    }
