"""What the desk and a venue say to each other: attempts out, reports and states in.

Volumes are lots, prices quote currency, money the account's currency, instants aware UTC.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from backend.values import Side

CLIENT_ORDER_ID_LENGTH_MAX = 20


class WorkingType(StrEnum):
    """What an order may be at a venue; more than an alert may ask for."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING = "trailing"


class WorkingTime(StrEnum):
    """How long an order may work at a venue."""

    IOC = "IOC"
    FOK = "FOK"
    GTC = "GTC"
    DAY = "DAY"
    GTD = "GTD"


class VenueUnavailable(ConnectionError):
    """The venue could not be read: nothing is known, not even that something is absent."""


class SymbolUnknown(VenueUnavailable):
    """The venue has no such symbol."""


class LiveAccountRefused(PermissionError):
    """The terminal is logged in to a real account and live trading was not allowed."""


class AccountMismatch(PermissionError):
    """The terminal is logged in to another account than the one this bridge owns."""


class Outcome(StrEnum):
    """What became of a request, as far as the venue said."""

    FILLED = "filled"
    PARTIALLY_FILLED = "partially_filled"
    PLACED = "placed"
    """Accepted and working, or accepted with nothing said yet about a fill."""
    CANCELLED = "cancelled"
    """Not working any more and never filled: cancelled or expired at the venue."""
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    """It may or may not have been executed: ask `find`, never send again."""
    NOT_SENT = "not_sent"
    """Certainly never reached the venue."""


class RetcodeClass(StrEnum):
    """What to do about an answer."""

    SUCCESS = "success"
    NO_CHANGE = "no_change"
    REFRESH_PRICE = "refresh_price"
    UNKNOWN = "unknown"
    BACK_OFF = "back_off"
    FIX_REQUEST = "fix_request"
    REFUSED = "refused"
    OPERATOR = "operator"
    STATE_MOVED_ON = "state_moved_on"


def magic_of(attempt_id: UUID) -> int:
    """Derive the number that marks an attempt's orders at the venue: 63 bits, never 0."""
    digest = hashlib.sha256(attempt_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") >> 1 or 1


@dataclass(frozen=True, slots=True)
class AttemptRequest:
    """One attempt to send one order. Committed before it is sent, sent at most once.

    price: the limit; stop_price: what triggers a stop, a stop-limit or a trailing stop, which the
    desk moves. position_ticket: the position to close; hedging accounts need it. magic: by
    default derived from attempt_id. deviation_points: only instant execution heeds it.
    Raises ValueError for an id that the venue could not carry.
    """

    attempt_id: UUID
    client_order_id: str
    symbol: str
    side: Side
    order_type: WorkingType
    volume: Decimal
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    deviation_points: int = 0
    position_ticket: int | None = None
    time_in_force: WorkingTime = WorkingTime.GTC
    magic: int | None = None
    stop_price: Decimal | None = None
    good_till: datetime | None = None

    def __post_init__(self) -> None:
        # An alert's words are a part of the venue's.
        object.__setattr__(self, "order_type", WorkingType(self.order_type))
        object.__setattr__(self, "time_in_force", WorkingTime(self.time_in_force))
        identity = self.client_order_id
        if not (identity.isascii() and identity.isprintable() and identity):
            raise ValueError("client_order_id must be printable ASCII")
        if len(identity) > CLIENT_ORDER_ID_LENGTH_MAX:
            raise ValueError(f"client_order_id exceeds {CLIENT_ORDER_ID_LENGTH_MAX} characters")
        if self.magic is not None and not 0 < self.magic < 1 << 63:
            raise ValueError("magic must be positive and fit 63 bits")
        if self.volume <= 0 or self.deviation_points < 0:
            raise ValueError("volume must be positive, deviation_points not negative")

    @property
    def magic_number(self) -> int:
        """The number that travels with the order."""
        return self.magic if self.magic is not None else magic_of(self.attempt_id)


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Ask for a working order to be withdrawn."""

    attempt_id: UUID
    client_order_id: str
    symbol: str
    order_ticket: int


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """Ask for other terms of a working order: all of them, as they are to be."""

    attempt: AttemptRequest
    order_ticket: int


@dataclass(frozen=True, slots=True)
class StopsRequest:
    """Ask for other stops of an open position; None removes one."""

    attempt_id: UUID
    client_order_id: str
    symbol: str
    position_ticket: int
    stop_loss: Decimal | None
    take_profit: Decimal | None


@dataclass(frozen=True, slots=True)
class VenueReport:
    """What the venue said about one request.

    volume and price: executed so far, 0 and None if nothing is known to be. commission: a cost is
    positive; None until a deal tells. venue_time: None where the answer carries none.
    latency_ms: round trip as we measured it, None for what was found later. again: certainly not
    executed, and for a reason that passes: a new attempt may be made. resting_limit: it works as
    a limit order now, whatever it began as.
    """

    client_order_id: str
    attempt_id: UUID | None
    outcome: Outcome
    retcode: int | None
    retcode_class: RetcodeClass
    message: str
    order_ticket: int | None
    deal_ticket: int | None
    position_ticket: int | None
    volume: Decimal
    price: Decimal | None
    commission: Decimal | None
    venue_time: datetime | None
    received_at: datetime
    latency_ms: int | None
    again: bool = False
    resting_limit: bool = False


@dataclass(frozen=True, slots=True)
class AccountState:
    """The account's totals at the venue. trade_mode: `demo`, `contest` or `real`."""

    login: int
    trade_mode: str
    hedging: bool
    currency: str
    leverage: int
    balance: Decimal
    equity: Decimal
    profit: Decimal
    margin: Decimal
    margin_free: Decimal
    server: str
    company: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class InstrumentSpec:
    """The venue's rules for a symbol. Levels in points; tick_value: one tick, one lot.

    filling_mask: FOK 1, IOC 2, BOC 4. execution_mode: request 0, instant 1, market 2, exchange 3.
    book_levels: how many of the depth of market are shown, 0 where there is none.
    """

    symbol: str
    venue_symbol: str
    digits: int
    point: Decimal
    tick_size: Decimal
    tick_value: Decimal
    contract_size: Decimal
    volume_min: Decimal
    volume_max: Decimal
    volume_step: Decimal
    stops_level_points: int
    freeze_level_points: int
    filling_mask: int
    execution_mode: int
    trade_mode: int
    currency_base: str
    currency_profit: str
    currency_margin: str
    book_levels: int = 0


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """An open position at the venue. identifier: what its deals name."""

    ticket: int
    identifier: int
    symbol: str
    side: Side
    volume: Decimal
    price_open: Decimal
    price_current: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    profit: Decimal
    swap: Decimal
    magic: int
    comment: str
    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """A working order at the venue."""

    ticket: int
    symbol: str
    side: Side
    order_type: WorkingType
    volume_initial: Decimal
    volume_remaining: Decimal
    price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    magic: int
    comment: str
    placed_at: datetime | None
    reason: int = 0


@dataclass(frozen=True, slots=True)
class VenueDeal:
    """One execution, or a balance operation (side None). commission, fee: a cost is positive.

    entry: `in`, `out`, `inout` or `out_by`. reason: the venue's number (3 expert, 4 stop-loss,
    5 take-profit, 6 stop-out).
    """

    ticket: int
    order_ticket: int
    position_id: int
    symbol: str
    side: Side | None
    entry: str
    volume: Decimal
    price: Decimal
    commission: Decimal
    fee: Decimal
    swap: Decimal
    profit: Decimal
    magic: int
    comment: str
    reason: int
    executed_at: datetime | None
