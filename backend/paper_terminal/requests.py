"""What the package itself checks before anything is sent: kinds, lengths, ranges.

As the machine code of wheel 5.0.6231 does it. A request that fails here returns None with
last_error -2; the server never hears of it.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from backend.paper_terminal import shapes
from backend.paper_terminal.constants import Reason

TEXT_UNITS_MAX = 29
_TEXT, _FLOAT, _SIGNED = "text", "float", "signed"
# In the order in which the package looks at them: the first that is wrong is the one it names.
# A number is the width in bits of an unsigned integer. Words that it does not know, it ignores.
_WORDS: dict[str, str | int] = {
    "action": 32,
    "magic": 64,
    "order": 64,
    "symbol": _TEXT,
    "volume": _FLOAT,
    "price": _FLOAT,
    "stoplimit": _FLOAT,
    "sl": _FLOAT,
    "tp": _FLOAT,
    "deviation": 64,
    "type": 32,
    "type_filling": 32,
    "type_time": 32,
    "expiration": _SIGNED,
    "comment": _TEXT,
    "position": 64,
    "position_by": 64,
}
_ABSENT: dict[str | int, Any] = {_TEXT: "", _FLOAT: 0.0}


class InvalidArgument(ValueError):
    """An argument that the package refuses; the text is last_error's."""


class OutOfRange(InvalidArgument):
    """An integer that does not fit: the package sets last_error, but Python raises SystemError."""


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed trade request; whether it makes sense is the server's business."""

    action: int
    magic: int
    order: int
    symbol: str
    volume: Decimal
    price: Decimal
    stoplimit: Decimal
    sl: Decimal
    tp: Decimal
    deviation: int
    type: int
    type_filling: int
    type_time: int
    expiration: int
    comment: str
    position: int
    position_by: int
    shape: Any
    reason: int = Reason.EXPERT


def utf16_units(text: str) -> int:
    """Count the 16-bit units that Windows needs for a text."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_text(name: str, value: object) -> None:
    """Accept a text that is short enough. Raises InvalidArgument."""
    if not isinstance(value, str) or utf16_units(value) > TEXT_UNITS_MAX:
        raise InvalidArgument(f'Invalid "{name}" argument')


def check_symbol(symbol: object) -> None:
    """Accept the name of a symbol where it is the first argument. Raises InvalidArgument."""
    if not isinstance(symbol, str) or utf16_units(symbol) > TEXT_UNITS_MAX:
        raise InvalidArgument("Invalid arguments")


def check_number(name: str, value: object, bits: int = 64) -> None:
    """Accept an unsigned integer. Raises InvalidArgument, OutOfRange if it does not fit."""
    if not isinstance(value, int):
        raise InvalidArgument(f'Invalid "{name}" argument')
    if not 0 <= value < 1 << bits:
        raise OutOfRange(f'Invalid "{name}" argument')


def parse_call(args: list[Any], kwargs: dict[str, Any]) -> Request:
    """Read a request: one dictionary, or its words as keywords. Raises InvalidArgument."""
    if kwargs and args:
        raise InvalidArgument("Unnamed arguments not allowed")
    if not kwargs and len(args) != 1:
        raise InvalidArgument("Invalid number of arguments")
    return parse_request(kwargs or args[0])


def parse_request(raw: object) -> Request:
    """Check kinds, lengths and ranges. Raises InvalidArgument."""
    if not isinstance(raw, dict):
        raise InvalidArgument("Invalid arguments")
    values: dict[str, Any] = {}
    for name, kind in _WORDS.items():
        values[name] = raw.get(name, _ABSENT.get(kind, 0))
        _check(name, kind, values[name])
    shape = shapes.TradeRequest(**values)
    for name, kind in _WORDS.items():
        if kind == _FLOAT:
            values[name] = Decimal(repr(values[name]))
    return Request(**values, shape=shape)


def _check(name: str, kind: str | int, value: object) -> None:
    if kind == _TEXT:
        check_text(name, value)
    elif isinstance(kind, int):
        check_number(name, value, kind)
    elif kind == _FLOAT:
        if not isinstance(value, float) or not math.isfinite(value):
            raise InvalidArgument(f'Invalid "{name}" argument')
    elif not isinstance(value, int):
        raise InvalidArgument(f'Invalid "{name}" argument')
    elif not -(1 << 63) <= value < 1 << 63:
        raise OutOfRange(f'Invalid "{name}" argument')
