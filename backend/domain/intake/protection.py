"""Prices of an alert: entry, stop and target, in the many ways senders write them.

A stop that is given and cannot be read is no missing stop: a person has to look.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from backend.domain.intake.alert import Distance, DistanceUnit, IntakeCode
from backend.domain.intake.flatten import Fields, Scalar
from backend.domain.intake.words import is_absent, is_placeholder, read_number, read_positive
from backend.values import OrderType

Which = Literal["stop", "take"]

_INNER = ("", "order", "trade", "signal")


def _names(words: str) -> tuple[str, ...]:
    return tuple(prefix + word for prefix in _INNER for word in words.split())


_NAMES = {
    "stop": _names("stoploss sl stoplossprice stoplossstopprice slprice stoplosslevel"),
    "take": _names(
        "takeprofit tp takeprofitprice takeprofitlimitprice tpprice target takeprofitlevel"
        " tp1 target1 takeprofit1"
    ),
}
_DISTANCES = {
    "stop": (
        (DistanceUnit.PIPS, _names("stoplosspips slpips")),
        (DistanceUnit.PERCENT, _names("stoplosspercent slpercent")),
        (DistanceUnit.PRICE, _names("stoplossamount")),
    ),
    "take": (
        (DistanceUnit.PIPS, _names("takeprofitpips tppips")),
        (DistanceUnit.PERCENT, _names("takeprofitpercent tppercent")),
        (DistanceUnit.PRICE, _names("takeprofitamount")),
    ),
}


class Unreadable(ValueError):
    """A price that is given, matters and cannot be read."""

    def __init__(self, code: IntakeCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def read_price(
    fields: Fields, names: tuple[str, ...], order_type: OrderType, warnings: list[str]
) -> Decimal | None:
    """Return the entry's price. Raises Unreadable where a pending order's cannot be read."""
    if order_type is OrderType.STOP:
        names = ("stopprice", "orderstopprice", *names, "stop")
    for name in (*names, "orderprice", "tradeprice", "orderlimitprice", "tradeentry"):
        value = fields.get(name)
        if _is_nothing(value):
            continue
        number = read_positive(value)
        if number is not None:
            return number
        if read_number(value) == 0:
            continue
        if order_type is not OrderType.MARKET:
            raise Unreadable(IntakeCode.FIELD_UNREADABLE, name)
        warnings.append(f"{name} unreadable")
    return None


def read_protection(
    fields: Fields, which: Which, order_type: OrderType
) -> tuple[Decimal | None, Distance | None]:
    """Return the stop or target as a price, or as a distance from the entry.

    Raises Unreadable where one is given and not readable, or given twice and different.
    """
    if distance := _distance(fields, which):
        return None, distance
    names = _NAMES[which]
    # `stop` is the price of a stop order, and the stop loss of every other.
    if which == "stop" and order_type is not OrderType.STOP:
        names = (*names, "stop")
    found: Decimal | None = None
    for name in names:
        value = fields.get(name)
        if _is_nothing(value) or read_number(value) == 0:
            continue
        number = read_positive(value)
        if number is None:
            raise Unreadable(IntakeCode.FIELD_UNREADABLE, name)
        if found is not None and found != number:
            raise Unreadable(IntakeCode.FIELD_CONFLICT, name)
        found = number
    return found, None


def _distance(fields: Fields, which: Which) -> Distance | None:
    for unit, names in _DISTANCES[which]:
        for name in names:
            value = read_positive(fields.get(name))
            if value is not None:
                return Distance(value, unit)
    for name in _NAMES[which]:
        raw = fields.get(name)
        if isinstance(raw, str) and raw.strip().endswith("%"):
            value = read_positive(raw.strip()[:-1])
            if value is not None:
                return Distance(value, DistanceUnit.PERCENT)
    return None


def _is_nothing(value: Scalar | None) -> bool:
    """Treat empty plots and placeholders that nobody filled as not given."""
    return is_absent(value) or (isinstance(value, str) and is_placeholder(value))
