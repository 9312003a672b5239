"""The trade's words as types: sides, modes, typed ids, exact decimals, UTC instants.

Money, prices and quantities are `Decimal`; on the wire they are JSON strings, because
RFC 8785 numbers are doubles. Instants are aware UTC with microseconds.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

from pydantic import (
    AfterValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema


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
    # Nearly every instant is in UTC already, and this is on every hop's path several times.
    if instant.tzinfo is not UTC:
        instant = to_utc(instant)
    return instant.isoformat(timespec="microseconds")[:-6] + "Z"


def read_instant(text: str) -> datetime:
    """Read an instant of JSON, ours or SQL's. Raises ValueError without a time zone."""
    return to_utc(datetime.fromisoformat(text))


_LENGTH_MAX = 128
_PLAIN = r"^(?!-0+(\.0+)?$)-?[0-9]+(\.[0-9]+)?$"
_NOT_NEGATIVE = r"^[0-9]+(\.[0-9]+)?$"
_ABOVE_ZERO = r"^(?!0+(\.0+)?$)[0-9]+(\.[0-9]+)?$"
_ZERO_TO_ONE = r"^(0+(\.[0-9]+)?|0*1(\.0+)?)$"
_is_plain = re.compile(_PLAIN, re.ASCII).fullmatch


def _exact(value: object) -> Decimal:
    """Refuse floats and bare numbers: they lose digits before anyone can check them."""
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str):
        raise ValueError("decimals travel as strings")
    # Decimal() alone would take exponents, underscores, blanks and every script's digits.
    if len(value) > _LENGTH_MAX or not _is_plain(value):
        raise ValueError("not a plain decimal number")
    return Decimal(value)


def format_decimal(value: Decimal) -> str:
    """Format without exponent and without a signed zero: one number, one way to read it."""
    return format(value if value else value.copy_abs(), "f")


@dataclass(frozen=True, slots=True)
class DecimalText:
    """How pydantic reads and writes a Decimal: a JSON string, exact, finite, within bounds."""

    gt: int | None = None
    ge: int | None = None
    le: int | None = None

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Read plain decimal text or a Decimal; never a number, which may be a float."""
        bounds = {name: bound for name, bound in asdict(self).items() if bound is not None}
        return core_schema.no_info_before_validator_function(
            _exact,
            core_schema.decimal_schema(allow_inf_nan=False, **bounds),
            serialization=core_schema.plain_serializer_function_ser_schema(
                format_decimal, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        """Say the bounds as a pattern where one can, and as `x-` keywords always."""
        if self == DecimalText(gt=0):
            pattern = _ABOVE_ZERO
        elif self == DecimalText(ge=0, le=1):
            pattern = _ZERO_TO_ONE
        elif self.ge is not None and self.ge >= 0:
            pattern = _NOT_NEGATIVE
        else:
            pattern = _PLAIN
        text = {"type": "string", "format": "decimal", "pattern": pattern}
        names = {"gt": "x-exclusiveMinimum", "ge": "x-minimum", "le": "x-maximum"}
        bounds = {names[name]: str(n) for name, n in asdict(self).items() if n is not None}
        return {**text, "maxLength": _LENGTH_MAX, **bounds}


Exact = Annotated[Decimal, DecimalText()]
"""A finite decimal that travels as a JSON string."""

Positive = Annotated[Decimal, DecimalText(gt=0)]
NonNegative = Annotated[Decimal, DecimalText(ge=0)]
Fraction = Annotated[Decimal, DecimalText(ge=0, le=1)]

Instant = Annotated[
    datetime,
    AfterValidator(to_utc),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
        }
    ),
]
"""An aware UTC instant that travels as RFC 3339 with microseconds and `Z`."""

SYMBOL_PATTERN = r"^[A-Z0-9_.\-]{1,20}$"
Symbol = Annotated[str, StringConstraints(pattern=SYMBOL_PATTERN)]
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
