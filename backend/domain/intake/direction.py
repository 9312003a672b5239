"""Which way an alert points, from every field that says so; a contradiction is no direction.

A strategy that sells to close a long says `action: sell` and `market_position: flat`.
Taken for an opening sell it would trade the wrong way, so the position after the order
is read as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from backend.domain.intake.alert import IntakeCode, NotUnderstood
from backend.domain.intake.words import (
    bare,
    is_not_opening,
    is_placeholder,
    read_direction,
    read_number,
)
from backend.values import OrderType, Side

Scalar = str | int | Decimal | bool | None
Fields = Mapping[str, Scalar]
"""Bare names (see `words.bare`) to values; nested objects are joined into one name."""

ACTION_NAMES = (
    "strategyorderaction",
    "orderaction",
    "action",
    "side",
    "direction",
    "signal",
    "command",
    "cmd",
    "strategyorderdirection",
    "ordertypeside",
)
_POSITION_NAMES = ("strategymarketposition", "marketposition", "sentiment", "positionside")
_SIZE_NAMES = ("strategypositionsize", "positionsize")
_CLOSING_NAMES = ("closeposition", "reduceonly", "closeonly")
_TRUE = ("true", "1", "yes")


@dataclass(frozen=True, slots=True)
class Direction:
    """The way an alert points, and the order type if the same word says it."""

    side: Side
    order_type: OrderType | None


def read_fields_direction(fields: Fields) -> Direction | NotUnderstood:
    """Return the one direction that all fields agree on, or why there is none."""
    found: list[Direction] = []
    for name in ACTION_NAMES:
        value = fields.get(name)
        if value is None or value == "":
            continue
        reading = _read(name, value)
        if isinstance(reading, NotUnderstood):
            return reading
        found.append(reading)
    if not found:
        found = _from_type(fields)
    if not found:
        return NotUnderstood(IntakeCode.DIRECTION_MISSING, "no field gives a direction")
    sides = {direction.side for direction in found}
    if len(sides) > 1:
        return NotUnderstood(IntakeCode.DIRECTION_CONFLICT, "fields point both ways")
    types = {direction.order_type for direction in found if direction.order_type is not None}
    if len(types) > 1:
        return NotUnderstood(IntakeCode.FIELD_CONFLICT, "fields name two order types")
    direction = Direction(sides.pop(), types.pop() if types else None)
    return _closing(fields, direction.side) or direction


def _read(name: str, value: Scalar) -> Direction | NotUnderstood:
    if not isinstance(value, str):
        return NotUnderstood(IntakeCode.DIRECTION_UNKNOWN, f"{name} is not a word")
    if is_placeholder(value):
        return NotUnderstood(IntakeCode.PLACEHOLDER_NOT_FILLED, name)
    known = read_direction(value)
    if known is not None:
        return Direction(*known)
    if is_not_opening(value):
        return NotUnderstood(IntakeCode.ACTION_NOT_SUPPORTED, f"{name}: {bare(value)[:32]}")
    return NotUnderstood(IntakeCode.DIRECTION_UNKNOWN, f"{name}: {bare(value)[:32]}")


def _from_type(fields: Fields) -> list[Direction]:
    """Read `type: buy`, a common spelling that elsewhere means the order's type."""
    for name in ("type", "ordertype"):
        value = fields.get(name)
        if isinstance(value, str) and (known := read_direction(value)):
            return [Direction(*known)]
    return []


def _closing(fields: Fields, side: Side) -> NotUnderstood | None:
    for name in _CLOSING_NAMES:
        if str(fields.get(name, "")).strip().lower() in _TRUE:
            return NotUnderstood(IntakeCode.ACTION_NOT_SUPPORTED, name)
    for name in _POSITION_NAMES:
        value = fields.get(name)
        if not isinstance(value, str) or not value.strip() or is_placeholder(value):
            continue
        known = read_direction(value)
        if known is None and is_not_opening(value):
            return NotUnderstood(IntakeCode.ACTION_NOT_SUPPORTED, f"{name}: {bare(value)[:32]}")
        if known is None:
            return NotUnderstood(IntakeCode.DIRECTION_UNKNOWN, f"{name}: {bare(value)[:32]}")
        if known[0] is not side:
            return NotUnderstood(IntakeCode.ACTION_NOT_SUPPORTED, f"{name}: reduces")
    for name in _SIZE_NAMES:
        size = read_number(fields.get(name))
        if size is None:
            continue
        if size == 0:
            return NotUnderstood(IntakeCode.ACTION_NOT_SUPPORTED, f"{name}: flat")
        # Some senders report the size without its sign, so a positive size says nothing.
        if size < 0 and side is Side.BUY:
            return NotUnderstood(IntakeCode.ACTION_NOT_SUPPORTED, f"{name}: reduces")
    return None
