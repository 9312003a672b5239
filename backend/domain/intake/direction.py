"""Which way an alert points, from every field that says so; a contradiction is no direction.

A strategy that sells to close a long says `action: sell` and `market_position: flat`.
Taken for an opening sell it would trade the wrong way, so everything that tells openings
from exits is read as well, wherever it stands: the position after the order, its size,
flags such as `reduce_only`, and the name or comment that the script gave the order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from backend.domain.intake.alert import IntakeCode, NotUnderstood
from backend.domain.intake.exits import LENGTH_MAX, is_kind_of_exit, names_exit, tells_of_exit
from backend.domain.intake.flatten import Fields, Scalar
from backend.domain.intake.words import (
    as_said,
    bare,
    is_not_opening,
    is_placeholder,
    is_true,
    read_direction,
    read_number,
    words_of,
)
from backend.values import OrderType, Side

_NOTHING: tuple[str, ...] = ()
_POSITIONS_AFTER = words_of("position pos newposition finalposition netposition positionafter")
_ROLES: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "action": (
        words_of("action side direction buysell tradedirection tradeside"),
        (
            *("orderaction", "orderdirection", "orderside", "ordertypeside", "positiondirection"),
            "transactiontype",
        ),
    ),
    # Words of their own in some forms, the name of an indicator in others.
    "signal": (words_of("signal command cmd"), _NOTHING),
    "kind": (
        words_of(
            "type ordertype event eventtype alerttype signaltype tradetype status trade order"
        ),
        _NOTHING,
    ),
    # Words that brokers have for whether an order opens or closes.
    "effect": (
        words_of("intent purpose entryexit openclose positioneffect positionfill"),
        _NOTHING,
    ),
    "position": (
        _POSITIONS_AFTER,
        ("marketposition", "positionside", "sentiment", "targetposition"),
    ),
    "size": (_POSITIONS_AFTER, ("positionsize",)),
    "flag": (
        words_of(
            "closeposition reduceonly closeonly closeall closetrade isexit isclose exit flatten"
            " closelong closeshort exitlong exitshort exitall isclosing flat isflat"
            " cancelall test istest dryrun heartbeat ping exitreason closereason"
            # A put on a stock is no purchase of the stock.
            " optiontype putcall callput strike strikeprice strikecount"
        ),
        _NOTHING,
    ),
    "script's": (
        words_of("orderid ordername ordercomment comment alertmessage message id reason"),
        _NOTHING,
    ),
}
"""What a field may tell: by the last word of its name, or by the name's end."""
_USUAL_FIELDS = 48
_PREVIOUS = re.compile(r"prev|last")
_POSITIONS = ("position", "positionside", "sentiment")
_NAMES_OF_ORDERS = ("id", "orderid", "ordername")
_OF_EXITS = ("stop", "sl", "take", "tp", "trail", "exit")
_ONE_WAY = ("both", "net")
"""What exchanges call the position side of accounts that hold one position a symbol."""
_SWITCHES = ("enabled", "active", "isactive", "isenabled")


@dataclass(frozen=True, slots=True)
class Direction:
    """The way an alert points, and the order type if the same word says it."""

    side: Side
    order_type: OrderType | None


def read_fields_direction(fields: Fields) -> Direction | NotUnderstood:
    """Return the one direction that all fields agree on, or why there is none."""
    told = _Told(fields)
    found: list[Direction] = []
    for name, value in told.by("action"):
        reading = _read(name, value)
        if isinstance(reading, NotUnderstood):
            return reading
        found.append(reading)
    for name, value in told.by("signal"):
        reading = _read(name, value)
        if isinstance(reading, Direction):
            found.append(reading)
        elif not found or reading.reason_code is IntakeCode.ACTION_NOT_SUPPORTED:
            return reading
    kinds = _read_kinds(told)
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
    return _closing(told, direction.side) or direction


class _Told:
    """Fields by the role that they play, such as telling the action."""

    __slots__ = ("_by_role", "fields")

    def __init__(self, fields: Fields) -> None:
        # Alerts of one source have the same names, in the same order, for ever.
        by_role = _by_role if len(fields) <= _USUAL_FIELDS else _by_role.__wrapped__
        self.fields = fields
        self._by_role = by_role(tuple(fields), tuple(fields.leaves.items()))

    def by(self, role: str) -> list[tuple[str, Scalar]]:
        """Return the fields that play a role, with their values."""
        return [(name, self.fields[name]) for name in self._by_role[role]]


@lru_cache(maxsize=256)
def _by_role(
    names: tuple[str, ...], leaves: tuple[tuple[str, str], ...]
) -> dict[str, tuple[str, ...]]:
    leaf_of = dict(leaves)
    roles = {
        role: tuple(
            name
            for name in names
            if (leaf_of.get(name, name) in words or name.endswith(ends))
            and not _PREVIOUS.search(name)
        )
        for role, (words, ends) in _ROLES.items()
    }
    before = tuple(n for n in names if n.endswith(_POSITIONS) and _PREVIOUS.search(n))
    return {**roles, "before": before}


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
    return _unknown(IntakeCode.DIRECTION_UNKNOWN, name, value)


def _read_kinds(told: _Told) -> list[Direction] | NotUnderstood:
    """Read `type: buy`, which elsewhere means the order's type, and `event: exit`."""
    found: list[Direction] = []
    for name, value in told.by("kind"):
        if not isinstance(value, str):
            continue
        if known := read_direction(value):
            found.append(Direction(*known))
        # What describes a stop or target (`stopLoss.type`) is no kind of alert.
        elif not name.startswith(_OF_EXITS) and is_kind_of_exit(value[:LENGTH_MAX]):
            return _exits(name, value)
    return found


def _closing(told: _Told, side: Side) -> NotUnderstood | None:
    fields = told.fields
    for name, value in told.by("flag"):
        if is_true(value):
            return _exits(name, value if isinstance(value, str) else "set")
    for name in _SWITCHES:
        if name in fields and not is_true(fields[name]):
            return _exits(name, "no")
    for name, value in told.by("effect"):
        if isinstance(value, str) and is_not_opening(value):
            return _exits(name, value)
    # `close` is a price almost everywhere; as a flag it is an exit.
    close = fields.get("close")
    if close is True or (isinstance(close, str) and close.strip().lower() in ("true", "yes")):
        return _exits("close", "set")
    position = _position(told, side)
    if isinstance(position, NotUnderstood):
        return position
    if position is None:
        return _named_exit(told, side) or _from_the_other_side(told, side)
    return None


def _position(told: _Told, side: Side) -> bool | NotUnderstood | None:
    """Return True if the position after the order is known to lie this way, None if unknown."""
    known: bool | None = None
    positions = told.by("position")
    # Many fill what asks for a word with `{{strategy.position_size}}`.
    sizes = {**dict(told.by("size")), **dict(positions)}.items()
    for name, value in sizes:
        # What was to tell openings from exits tells nothing.
        if isinstance(value, str) and is_placeholder(value):
            return NotUnderstood(IntakeCode.PLACEHOLDER_NOT_FILLED, name[:48])
    for name, value in positions:
        if not isinstance(value, str) or read_number(value) is not None or bare(value) in _ONE_WAY:
            continue
        direction = read_direction(value)
        if direction is None:
            code = IntakeCode.DIRECTION_UNKNOWN
            return _exits(name, value) if is_not_opening(value) else _unknown(code, name, value)
        if direction[0] is not side:
            return _exits(name, "reduces")
        known = True
    for name, value in sizes:
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
    return _shrinks(told.fields, side) or known


def _shrinks(fields: Fields, side: Side) -> NotUnderstood | None:
    """Compare with the position before: one that is smaller now was reduced."""
    now = before = None
    for name, value in fields.items():
        if name.endswith("marketpositionsize"):
            before, now = (
                (read_number(value), now) if "prev" in name else (before, read_number(value))
            )
    if now is None or before is None:
        return None
    word = next((v for n, v in fields.items() if n.endswith("prevmarketposition")), None)
    held = read_direction(word) if isinstance(word, str) else None
    if held is None or held[0] is not side:
        return None
    return _exits("marketpositionsize", "reduces") if abs(now) < abs(before) else None


def _named_exit(told: _Told, side: Side) -> NotUnderstood | None:
    """Believe the script where it calls its order an exit and nothing tells the position.

    A sell that is called `Long TP1` takes a long off: no script names a short so.
    """
    for name, value in told.by("script's"):
        if not isinstance(value, str):
            continue
        is_exit = names_exit if name.endswith(_NAMES_OF_ORDERS) else tells_of_exit
        if is_exit(value[:LENGTH_MAX], side):
            return _exits(name, value)
    return None


def _from_the_other_side(told: _Told, side: Side) -> NotUnderstood | None:
    """Ask where all that is told is a position the other way: this may close it or turn it."""
    for name, value in told.by("before"):
        if not isinstance(value, str):
            continue
        if is_placeholder(value):
            return NotUnderstood(IntakeCode.PLACEHOLDER_NOT_FILLED, name[:48])
        held = read_direction(value)
        if held is not None and held[0] is not side:
            return _exits(name, value)
    return None


def _exits(name: str, value: str) -> NotUnderstood:
    return _unknown(IntakeCode.ACTION_NOT_SUPPORTED, name, value)


def _unknown(code: IntakeCode, name: str, value: str) -> NotUnderstood:
    return NotUnderstood(code, f"{name[:48]}: {as_said(value)}")
