"""Prices of an alert: entry, stop and target, in the many ways senders write them.

A stop that is given and cannot be read is no missing stop: a person has to look.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

from backend.domain.intake.alert import Distance, DistanceUnit, IntakeCode
from backend.domain.intake.flatten import Fields, Names, Scalar
from backend.domain.intake.words import is_placeholder, is_true, read_number, read_positive
from backend.values import OrderType

Which = Literal["stop", "take"]

_INNER = ("", "order", "trade", "signal", "risk", "bracket", "exit", "exits", "position")
_STOPS = "stoploss sl stoplossprice stoplossstopprice slprice stoplosslevel"
_NAMES = {
    "stop": Names(_STOPS, _INNER),
    "take": Names(
        "takeprofit tp takeprofitprice takeprofitlimitprice tpprice target takeprofitlevel"
        " tp1 target1 takeprofit1 targetprice tp1price takeprofitprice1",
        _INNER,
    ),
}
# They are the price of a stop order, and the stop loss of every other.
_OF_STOP_ORDERS = ("stop", "stopprice", "orderstopprice")
_STOP_OR_STOP_LOSS = Names(_STOPS + " stop stopprice", _INNER)
_PRICES = (
    "price entryprice entry limitprice triggerprice strategyorderprice close"
    " orderprice tradeprice orderlimitprice tradeentry"
)
_PRICE = Names(_PRICES)
_STOP_PRICE = Names(f"stopprice orderstopprice {_PRICES} stop")
_DISTANCES = {
    "stop": (
        (DistanceUnit.PIPS, Names("stoplosspips slpips stoppips", _INNER)),
        (DistanceUnit.PERCENT, Names("stoplosspercent slpercent stoplosstrailpercent", _INNER)),
        (
            DistanceUnit.PRICE,
            Names(
                "stoplossamount stoplossoffset sloffset stoplosstrailprice stoplosstrailamount",
                _INNER,
            ),
        ),
    ),
    "take": (
        (DistanceUnit.PIPS, Names("takeprofitpips tppips targetpips", _INNER)),
        (DistanceUnit.PERCENT, Names("takeprofitpercent tppercent", _INNER)),
        (DistanceUnit.PRICE, Names("takeprofitamount takeprofitoffset tpoffset", _INNER)),
    ),
}


_BEGINNINGS = {
    "stop": ("stop", "sl", "trail", "initialstop", "hardstop", "protectivestop"),
    "take": ("takeprofit", "tp", "target"),
}
_OTHERS = ("slip", "slop", "slow", "slot", "traildist", "trailstep", "trailtrig")
"""Begin alike and are no stops."""
# Without a measure they count inside of objects that nobody here knows.
_PLAIN = {
    "stop": frozenset(("sl", "stoploss", "stop", "trailingstop", "trailstop", "initialstop")),
    "take": frozenset(("tp", "takeprofit", "target", "tp1")),
}
_MEASURES = re.compile(
    r"(?:price|percent|percentage|pct|perc|offset|ofs|deviation|distance|dist|points|pips|ticks"
    r"|amount|value|level|atr|multiplier|enabled)\d?$"
    r"|(?:trail|trailing|initial|hard|protective)stop$"
)


class Unreadable(ValueError):
    """A price that is given, matters and cannot be read."""

    def __init__(self, code: IntakeCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def read_price(fields: Fields, order_type: OrderType, warnings: list[str]) -> Decimal | None:
    """Return the entry's price. Raises Unreadable where a pending order's cannot be read."""
    for name, value in (_STOP_PRICE if order_type is OrderType.STOP else _PRICE).of(fields):
        number = read_positive(value)
        if number is not None:
            return number
        if _is_unfilled(value) or read_number(value) == 0:
            continue
        if order_type is not OrderType.MARKET:
            raise Unreadable(IntakeCode.FIELD_UNREADABLE, name)
        warnings.append(f"{name} unreadable")
    return None


def read_protection(
    fields: Fields, which: Which, order_type: OrderType, warnings: list[str]
) -> tuple[Decimal | None, Distance | None]:
    """Return the stop or target as a price, or as a distance from the entry.

    A trailing stop stands where it begins. Raises Unreadable where one is given and not
    readable, or given twice and different.
    """
    for unit, distances in _DISTANCES[which]:
        for name, value in distances.of(fields):
            number = read_positive(value)
            if number is not None:
                if "trail" in name:
                    warnings.append(f"{name} is not trailed")
                return None, Distance(number, unit)
            _must_say_nothing(name, value)
    names = _NAMES[which]
    if which == "stop" and order_type is not OrderType.STOP:
        names = _STOP_OR_STOP_LOSS
    found: Decimal | None = None
    for name, value in names.of(fields):
        if isinstance(value, str) and value.strip().endswith("%"):
            share = read_positive(value.strip()[:-1])
            if share is not None:
                return None, Distance(share, DistanceUnit.PERCENT)
        number = read_positive(value)
        if number is None:
            _must_say_nothing(name, value)
            continue
        if found is not None and found != number:
            raise Unreadable(IntakeCode.FIELD_CONFLICT, name)
        found = number
    if found is None:
        _must_be_all_known(fields, which, order_type)
    return found, None


def _must_say_nothing(name: str, value: Scalar) -> None:
    """Refuse a stop or target that is given and not readable; 0 and no value say that none is."""
    if _is_unfilled(value):
        raise Unreadable(IntakeCode.PLACEHOLDER_NOT_FILLED, name[:48])
    if read_number(value) != 0:
        raise Unreadable(IntakeCode.FIELD_UNREADABLE, name[:48])


def _must_be_all_known(fields: Fields, which: Which, order_type: OrderType) -> None:
    """Refuse a stop or target in words that nobody here knows, such as a trailing one."""
    beginnings = _BEGINNINGS[which]
    for name, value in fields.items():
        leaf = fields.leaf(name)
        if order_type is OrderType.STOP and name in _OF_STOP_ORDERS:
            continue
        begins = name.startswith(beginnings) or leaf.startswith(beginnings)
        match = _MEASURES.search(name) if begins and not leaf.startswith(_OTHERS) else None
        if match is None and (leaf == name or leaf not in _PLAIN[which]):
            continue
        text = value.removesuffix("%") if isinstance(value, str) else value
        if read_number(text) or (match and match[0] == "enabled" and is_true(value)):
            raise Unreadable(IntakeCode.FIELD_UNREADABLE, name[:48])


def _is_unfilled(value: Scalar) -> bool:
    return isinstance(value, str) and is_placeholder(value)
