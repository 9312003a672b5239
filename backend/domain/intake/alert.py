"""What an alert says once it is understood, and the reasons why one is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from backend.values import OrderType, Side


class IntakeCode(StrEnum):
    """Why a body was not understood."""

    BODY_EMPTY = "BODY_EMPTY"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    BODY_NOT_UTF8 = "BODY_NOT_UTF8"
    JSON_INVALID = "JSON_INVALID"
    JSON_KEY_TWICE = "JSON_KEY_TWICE"
    BATCH_NOT_SUPPORTED = "BATCH_NOT_SUPPORTED"
    FIELD_CONFLICT = "FIELD_CONFLICT"
    SYMBOL_MISSING = "SYMBOL_MISSING"
    SYMBOL_UNREADABLE = "SYMBOL_UNREADABLE"
    PLACEHOLDER_NOT_FILLED = "PLACEHOLDER_NOT_FILLED"
    DIRECTION_MISSING = "DIRECTION_MISSING"
    DIRECTION_UNKNOWN = "DIRECTION_UNKNOWN"
    DIRECTION_CONFLICT = "DIRECTION_CONFLICT"
    ACTION_NOT_SUPPORTED = "ACTION_NOT_SUPPORTED"
    """Understood, but nothing that opens a position: exit, close, cancel, modify."""
    ORDER_TYPE_UNKNOWN = "ORDER_TYPE_UNKNOWN"
    FIELD_UNREADABLE = "FIELD_UNREADABLE"
    FIELD_UNKNOWN = "FIELD_UNKNOWN"
    TEXT_NOT_UNDERSTOOD = "TEXT_NOT_UNDERSTOOD"


class DistanceUnit(StrEnum):
    """What the distance of a stop or target is counted in."""

    PIPS = "pips"
    PERCENT = "percent"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class Distance:
    """How far from the entry a stop or target lies; needs an instrument to become a price."""

    value: Decimal
    unit: DistanceUnit


@dataclass(frozen=True, slots=True)
class ParsedAlert:
    """An alert that asks to open or add to a position. Prices are as written by the sender."""

    shape: str
    """Which known form it had: `desk` (our own), `json`, `pineconnector`, `key_value`, `text`,
    `order_filled`."""
    symbol_raw: str
    side: Side
    order_type: OrderType = OrderType.MARKET
    alert_id: str | None = None
    exchange: str | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    stop_distance: Distance | None = None
    take_distance: Distance | None = None
    quantity: Decimal | None = None
    timeframe: str | None = None
    source_time: datetime | None = None
    """What the source says of when; with `bar_time` the bar's opening instead of the firing."""
    bar_time: bool = False
    max_lag_s: int | None = None
    """The age up to which the sender itself wants the alert taken."""
    strategy_code: str | None = None
    order_name: str | None = None
    """The script's own name of the order (`strategy.order.id`), not unique."""
    comment: str | None = None
    sequence: int | None = None
    warnings: tuple[str, ...] = ()
    """Fields that were present but unreadable and therefore ignored."""
    secrets: tuple[str, ...] = ()
    """SHA-256 of what may be the source's secret; for the door alone, never stored."""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A body that a person has to look at; nothing trades on it."""

    reason_code: IntakeCode
    detail: str


@dataclass(frozen=True, slots=True)
class DedupeKey:
    """What makes two posts the same alert.

    `id` and `time` are unique for ever; `bytes` only within BYTES_WINDOW_S seconds.
    """

    kind: Literal["id", "time", "bytes"]
    value: str
    """SHA-256 in hexadecimal; sources share no keys."""
