"""Which way an alert points, from every field that says so; a contradiction is no direction.

A strategy that sells to close a long says `action: sell` and `market_position: flat`.
Taken for an opening sell it would trade the wrong way, so everything that tells openings
from exits is read as well, wherever it stands: the position after the order, its size,
flags such as `reduce_only`, and the name or comment that the script gave the order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backend.domain.intake.alert import IntakeCode, NotUnderstood
from backend.domain.intake.flatten import Fields, Scalar
from backend.domain.intake.words import (
    bare,
    begins_as_exit,
    is_absent,
    is_not_opening,
    is_placeholder,
    is_true,
    read_direction,
    read_number,
)
from backend.values import OrderType, Side

_ACTION_LEAVES = ("action", "side", "direction", "buysell", "tradedirection", "tradeside")
_ACTION_ENDS = ("orderaction", "orderdirection", "orderside", "ordertypeside", "positiondirection")
# Words of their own in some forms, the name of an indicator in others.
_SIGNAL_LEAVES = ("signal", "command", "cmd")
_KIND_LEAVES = ("type", "ordertype", "event", "eventtype", "alerttype", "signaltype", "tradetype")
_POSITION_ENDS = ("marketposition", "positionside", "sentiment", "targetposition")
_SIZE_ENDS = ("positionsize",)
_FLAGS = (
    "closeposition",
    "reduceonly",
    "closeonly",
    "closeall",
    "closetrade",
    "isexit",
    "isclose",
    "exit",
    "flatten",
    "cancelall",
    "test",
    "istest",
    "dryrun",
)
_SCRIPT_NAMES = ("orderid", "ordername", "ordercomment", "comment", "alertmessage", "message", "id")
_PREVIOUS = re.compile(r"prev|last")


@dataclass(frozen=True, slots=True)
class Direction:
    """The way an alert points, and the order type if the same word says it."""

    side: Side
    order_type: OrderType | None


def read_fields_direction(fields: Fields) -> Direction | NotUnderstood:
    """Return the one direction that all fields agree on, or why there is none."""
    found: list[Direction] = []
    for name, value in _named(fields, _ACTION_LEAVES, _ACTION_ENDS):
        reading = _read(name, value)
        if isinstance(reading, NotUnderstood):
            return reading
        found.append(reading)
    for name, value in _named(fields, _SIGNAL_LEAVES, ()):
        reading = _read(name, value)
        if isinstance(reading, Direction):
            found.append(reading)
        elif not found or reading.reason_code is IntakeCode.ACTION_NOT_SUPPORTED:
            return reading
    kinds = _read_kinds(fields)
    if isinstance(kinds, NotUnderstood):
        return kinds
    found += kinds
    if not found:
        return NotUnderstood(IntakeCode.DIRECTION_MISSING, "no field gives a direction")
    if len({direction.side for direction in found}) > 1:
        return NotUnderstood(IntakeCode.DIRECTION_CONFLICT, "fields point both ways")
    types = {direction.order_type for direction in found if direction.order_type is not None}
    if len(types) > 1:
        return NotUnderstood(IntakeCode.FIELD_CONFLICT, "fields name two order types")
    direction = Direction(found[0].side, types.pop() if types else None)
    return _closing(fields, direction.side) or direction


def _named(
    fields: Fields, leaves: tuple[str, ...], ends: tuple[str, ...]
) -> Iterator[tuple[str, Scalar]]:
    for name, value in fields.items():
        if is_absent(value):
            continue
        if (fields.leaf(name) in leaves or name.endswith(ends)) and not _PREVIOUS.search(name):
            yield name, value


def _read(name: str, value: Scalar) -> Direction | NotUnderstood:
    if not isinstance(value, str):
        return NotUnderstood(IntakeCode.DIRECTION_UNKNOWN, f"{name} is not a word")
    if is_placeholder(value):
        return NotUnderstood(IntakeCode.PLACEHOLDER_NOT_FILLED, name)
    known = read_direction(value)
    if known is not None:
        return Direction(*known)
    if is_not_opening(value):
        return _exits(name, value)
    return NotUnderstood(IntakeCode.DIRECTION_UNKNOWN, f"{name}: {bare(value)[:32]}")


def _read_kinds(fields: Fields) -> list[Direction] | NotUnderstood:
    """Read `type: buy`, which elsewhere means the order's type, and `event: exit`."""
    found: list[Direction] = []
    for name, value in _named(fields, _KIND_LEAVES, ()):
        if not isinstance(value, str):
            continue
        if known := read_direction(value):
            found.append(Direction(*known))
        # What describes a stop or target (`stopLoss.type`) is no kind of alert.
        elif fields.leaf(name) == name and begins_as_exit(value):
            return _exits(name, value)
    return found


def _closing(fields: Fields, side: Side) -> NotUnderstood | None:
    for name, value in fields.items():
        if fields.leaf(name) in _FLAGS and is_true(value):
            return _exits(name, "set")
    # `close` is a price almost everywhere; as a flag it is an exit.
    close = fields.get("close")
    if close is True or (isinstance(close, str) and close.strip().lower() in ("true", "yes")):
        return _exits("close", "set")
    position = _position(fields, side)
    if isinstance(position, NotUnderstood):
        return position
    if position is None:
        return _named_exit(fields)
    return None


def _position(fields: Fields, side: Side) -> bool | NotUnderstood | None:
    """Return True if the position after the order is known to lie this way, None if unknown."""
    known: bool | None = None
    for name, value in _named(fields, ("position",), _POSITION_ENDS):
        if not isinstance(value, str) or is_placeholder(value) or read_number(value) is not None:
            continue
        direction = read_direction(value)
        if direction is None:
            code = IntakeCode.DIRECTION_UNKNOWN
            return _exits(name, value) if is_not_opening(value) else _unknown(code, name, value)
        if direction[0] is not side:
            return _exits(name, "reduces")
        known = True
    for name, value in _named(fields, ("position",), _SIZE_ENDS):
        size = read_number(value)
        if size is None:
            continue
        unsigned = name.endswith("marketpositionsize")
        if size == 0:
            return _exits(name, "flat")
        if not unsigned and (size < 0) is (side is Side.BUY):
            # Some senders report a short without its sign; only a word can tell it from an exit.
            if size > 0 and known:
                continue
            return _exits(name, "reduces")
        known = True if not unsigned else known
    return _shrinks(fields, side) or known


def _shrinks(fields: Fields, side: Side) -> NotUnderstood | None:
    """Compare with the position before: one that is smaller now was reduced."""
    now, before = (
        next(
            (
                read_number(value)
                for name, value in fields.items()
                if name.endswith("marketpositionsize") and ("prev" in name) is previous
            ),
            None,
        )
        for previous in (False, True)
    )
    word = next((v for n, v in fields.items() if n.endswith("prevmarketposition")), None)
    held = read_direction(word) if isinstance(word, str) else None
    if now is None or before is None or held is None or held[0] is not side:
        return None
    return _exits("marketpositionsize", "reduces") if abs(now) < abs(before) else None


def _named_exit(fields: Fields) -> NotUnderstood | None:
    """Believe the script where it calls its order an exit and nothing tells the position."""
    for name, value in fields.items():
        if fields.leaf(name) in _SCRIPT_NAMES and isinstance(value, str) and begins_as_exit(value):
            return _exits(name, value)
    return None


def _exits(name: str, value: str) -> NotUnderstood:
    return _unknown(IntakeCode.ACTION_NOT_SUPPORTED, name, value)


def _unknown(code: IntakeCode, name: str, value: str) -> NotUnderstood:
    return NotUnderstood(code, f"{name[:48]}: {bare(value)[:32]}")
