"""What the package itself checks before anything is sent: kinds, lengths, ranges.

A request that fails here returns None with last_error -2; the server never hears of it.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from backend.paper_terminal import shapes
from backend.paper_terminal.constants import Reason

TEXT_UNITS_MAX = 29
_UNSIGNED = ("magic", "order", "deviation", "position", "position_by", "expiration")
_ENUMS = ("action", "type", "type_filling", "type_time")
_FLOATS = ("volume", "price", "stoplimit", "sl", "tp")
_TEXTS = ("symbol", "comment")
_KNOWN = frozenset({*_UNSIGNED, *_ENUMS, *_FLOATS, *_TEXTS})


class InvalidArgument(ValueError):
    """An argument that the package refuses; the text is last_error's."""


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


def check_number(name: str, value: object) -> None:
    """Accept an unsigned number of 64 bits. Raises InvalidArgument."""
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise InvalidArgument(f'Invalid "{name}" argument')


def parse_request(raw: object) -> Request:
    """Check kinds and lengths. Raises InvalidArgument."""
    if not isinstance(raw, dict):
        raise InvalidArgument("Unnamed arguments not allowed")
    for name, value in raw.items():
        if name not in _KNOWN or not _fits(name, value):
            raise InvalidArgument(f'Invalid "{name}" argument')
    if "action" not in raw:
        raise InvalidArgument('Invalid "action" argument')
    values = {name: raw.get(name, 0) for name in (*_UNSIGNED, *_ENUMS)}
    floats = {name: raw.get(name, 0.0) for name in _FLOATS}
    texts = {name: raw.get(name, "") for name in _TEXTS}
    shape = shapes.TradeRequest(**{**values, **floats, **texts})
    exact = {name: Decimal(repr(value)) for name, value in floats.items()}
    return Request(**values, **exact, **texts, shape=shape)


def _fits(name: str, value: object) -> bool:
    if name in _FLOATS:
        return type(value) is float and math.isfinite(value)
    if name in _TEXTS:
        return isinstance(value, str) and utf16_units(value) <= TEXT_UNITS_MAX
    bits = 64 if name in _UNSIGNED else 31
    return type(value) is int and 0 <= value < 1 << bits
