"""The trade's words as types: sides, modes, typed ids, exact decimals, UTC instants.

Money, prices and quantities are `Decimal`; on the wire they are JSON strings, because
RFC 8785 numbers are doubles. Instants are aware UTC with microseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
)


class Side(StrEnum):
    """Direction of a signal, an order or a fill."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """Return +1 for BUY and -1 for SELL."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        """Return the side that closes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Mode(StrEnum):
    """Where an order may go: nowhere (shadow), the paper terminal, or a real venue."""

    PAPER = "paper"
    SHADOW = "shadow"
    LIVE = "live"


class OrderType(StrEnum):
    """Order types that the desk understands."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"


class TimeInForce(StrEnum):
    """How long an order may work."""

    IOC = "IOC"
    FOK = "FOK"
    GTC = "GTC"
    DAY = "DAY"


class LatencyClass(StrEnum):
    """How soon an intent wants to be at the venue."""

    IMMEDIATE = "immediate"
    DEFER = "defer"
    PARK = "park"


class RiskLevel(StrEnum):
    """How close the book is to its limits."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class Severity(StrEnum):
    """How bad a compliance finding or an incident is."""

    INFO = "INFO"
    WARN = "WARN"
    CRITICAL = "CRITICAL"


class FinalOutcome(StrEnum):
    """Where an accepted alert ends; the last two rest until a person moves them on."""

    FILLED = "filled"
    PARTIALLY_FILLED = "partially_filled"
    REJECTED = "rejected"
    DENIED = "denied"
    NOT_SELECTED = "not_selected"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"
    DEAD_LETTER = "dead_letter"
    IN_REVIEW = "in_review"
    AWAITING_VOTE = "awaiting_vote"


def to_utc(instant: datetime) -> datetime:
    """Return the instant in UTC. Raises ValueError if it has no time zone."""
    if instant.tzinfo is None:
        raise ValueError("instant without a time zone")
    return instant.astimezone(UTC)


def format_instant(instant: datetime) -> str:
    """Format as `2026-11-21T03:42:59.123456Z`, always with microseconds."""
    return to_utc(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _exact(value: object) -> object:
    """Refuse floats and bare numbers: they lose digits before anyone can check them."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str):
        try:
            return Decimal(value)
        except InvalidOperation as error:
            raise ValueError("not a decimal number") from error
    raise ValueError("decimals travel as strings")


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("decimal is not finite")
    return value


def format_decimal(value: Decimal) -> str:
    """Format without exponent, so that every reader sees the same digits."""
    return format(value, "f")


Exact = Annotated[
    Decimal,
    BeforeValidator(_exact),
    AfterValidator(_finite),
    PlainSerializer(format_decimal, return_type=str, when_used="json"),
    Field(json_schema_extra={"format": "decimal"}),
]
"""A decimal that travels as a JSON string."""

Positive = Annotated[Exact, Field(gt=0)]
NonNegative = Annotated[Exact, Field(ge=0)]
Fraction = Annotated[Exact, Field(ge=0, le=1)]

Instant = Annotated[
    datetime,
    AfterValidator(to_utc),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
]
"""An aware UTC instant that travels as RFC 3339 with microseconds and `Z`."""

Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_.\-]{1,20}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_\-]{0,62}$")]

AlertId = NewType("AlertId", UUID)
SignalId = NewType("SignalId", UUID)
RationaleId = NewType("RationaleId", UUID)
HypothesisId = NewType("HypothesisId", UUID)
OpportunityId = NewType("OpportunityId", UUID)
IntentId = NewType("IntentId", UUID)
OrderId = NewType("OrderId", UUID)
AttemptId = NewType("AttemptId", UUID)
FillId = NewType("FillId", UUID)
MsgId = NewType("MsgId", UUID)
CorrelationId = NewType("CorrelationId", UUID)
TraceId = NewType("TraceId", UUID)

OrgId = NewType("OrgId", str)
AccountId = NewType("AccountId", str)
StrategyId = NewType("StrategyId", str)
VenueId = NewType("VenueId", str)
AgentName = NewType("AgentName", str)
