"""From named fields, whatever the sender calls them, to an alert.

The names come from TradingView's placeholders and from the public forms of 3Commas,
TradersPost, PineConnector, OctoBot, OpenAlgo, CryptoGnome, Tickerly and plain scripts.
Names are compared by letters and digits only, so that `strategy.order.action`,
`strategy-order-action` and `{"strategy": {"order": {"action": …}}}` are one.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from backend.domain.intake.alert import (
    Distance,
    DistanceUnit,
    IntakeCode,
    NotUnderstood,
    ParsedAlert,
)
from backend.domain.intake.direction import (
    Direction,
    Fields,
    Scalar,
    read_fields_direction,
)
from backend.domain.intake.words import (
    clean,
    is_placeholder,
    read_instant,
    read_number,
    read_order_type,
    read_positive,
    read_symbol,
)
from backend.values import OrderType

SYMBOL_NAMES = ("symbol", "ticker", "tvinstrument", "market", "pair", "instrument", "syminfoticker")
EXCHANGE_NAMES = ("exchange", "tvexchange", "syminfoprefix")
ID_NAMES = ("alertuuid", "alertid", "signalid", "uuid", "id")
TIME_NAMES = ("timenow", "triggeredat", "firedat", "sentat", "timestamp", "time", "bartime", "date")
PRICE_NAMES = (
    "price",
    "entryprice",
    "entry",
    "limitprice",
    "triggerprice",
    "strategyorderprice",
    "orderprice",
    "close",
)
STOP_NAMES = ("stoploss", "sl", "stoplossprice", "stoplossstopprice", "slprice", "stop")
TAKE_NAMES = ("takeprofit", "tp", "takeprofitprice", "takeprofitlimitprice", "tpprice", "target")
QUANTITY_NAMES = (
    "quantity",
    "qty",
    "contracts",
    "strategyordercontracts",
    "ordercontracts",
    "lots",
    "lotsize",
    "size",
    "amount",
    "orderamount",
    "q",
)
TIMEFRAME_NAMES = ("timeframe", "interval", "tf", "resolution")
STRATEGY_NAMES = ("strategycode", "strategyid", "strategyname", "strategy", "system", "botuuid")
ORDER_NAMES = ("strategyorderid", "orderid", "ordername", "pointer")
COMMENT_NAMES = ("comment", "strategyordercomment", "ordercomment", "note", "alertmessage")
SEQUENCE_NAMES = ("sequence", "sequencenumber", "seq", "seqno", "alertseq")
ORDER_TYPE_NAMES = ("ordertype", "strategyordertype", "pricetype", "type")


def alert_from_fields(fields: Fields, shape: str) -> ParsedAlert | NotUnderstood:
    """Read an alert out of named fields, or say why it cannot be."""
    symbol = _symbol(fields)
    if isinstance(symbol, NotUnderstood):
        return symbol
    direction = read_fields_direction(fields)
    if isinstance(direction, NotUnderstood):
        return direction
    order_type = _order_type(fields, direction)
    if isinstance(order_type, NotUnderstood):
        return order_type
    symbol_raw, exchange = symbol
    warnings: list[str] = []
    price = _positive(fields, PRICE_NAMES, warnings)
    stop_loss, stop_distance = _protection(fields, "stoploss", "sl", STOP_NAMES, warnings)
    take_profit, take_distance = _protection(fields, "takeprofit", "tp", TAKE_NAMES, warnings)
    return ParsedAlert(
        shape=shape,
        symbol_raw=symbol_raw,
        side=direction.side,
        order_type=order_type,
        alert_id=_text(fields, ID_NAMES, 128),
        exchange=exchange or _exchange(fields),
        price=price,
        stop_loss=stop_loss,
        take_profit=take_profit,
        stop_distance=stop_distance,
        take_distance=take_distance,
        quantity=_quantity(fields, warnings),
        timeframe=_text(fields, TIMEFRAME_NAMES, 16),
        source_time=_source_time(fields, warnings),
        strategy_code=_text(fields, STRATEGY_NAMES, 64),
        order_name=_text(fields, ORDER_NAMES, 64),
        comment=_text(fields, COMMENT_NAMES, 256),
        sequence=_sequence(fields, warnings),
        warnings=tuple(warnings),
    )


def _present(fields: Fields, names: tuple[str, ...]) -> list[tuple[str, Scalar]]:
    found: list[tuple[str, Scalar]] = []
    for name in names:
        value = fields.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        found.append((name, value))
    return found


def _symbol(fields: Fields) -> tuple[str, str | None] | NotUnderstood:
    found = _present(fields, SYMBOL_NAMES)
    if not found:
        return NotUnderstood(IntakeCode.SYMBOL_MISSING, "no field names a symbol")
    readings: list[tuple[str, str | None]] = []
    for name, value in found:
        text = str(value)
        if is_placeholder(text):
            return NotUnderstood(IntakeCode.PLACEHOLDER_NOT_FILLED, name)
        reading = read_symbol(text)
        # 3Commas and OpenAlgo use `market` for a market's name; only real symbols count.
        if reading is not None:
            readings.append(reading)
    if not readings:
        return NotUnderstood(IntakeCode.SYMBOL_UNREADABLE, found[0][0])
    if len({symbol for symbol, _ in readings[:2]}) > 1 and found[1][0] in ("ticker", "symbol"):
        return NotUnderstood(IntakeCode.FIELD_CONFLICT, "symbol and ticker differ")
    return readings[0]


def _exchange(fields: Fields) -> str | None:
    return _text(fields, EXCHANGE_NAMES, 32)


def _order_type(fields: Fields, direction: Direction) -> OrderType | NotUnderstood:
    if direction.order_type is not None:
        return direction.order_type
    for name, value in _present(fields, ORDER_TYPE_NAMES):
        if not isinstance(value, str) or is_placeholder(value):
            continue
        if found := read_order_type(value):
            return found
        # `type` often says something else ("alert", "signal", "buy"): only a clear field binds.
        if name != "type":
            return NotUnderstood(IntakeCode.ORDER_TYPE_UNKNOWN, name)
    return OrderType.MARKET


def _text(fields: Fields, names: tuple[str, ...], length_max: int) -> str | None:
    for _, value in _present(fields, names):
        if isinstance(value, bool):
            continue
        text = clean(str(value), length_max)
        if text is not None and not is_placeholder(text):
            return text
    return None


def _positive(fields: Fields, names: tuple[str, ...], warnings: list[str]) -> Decimal | None:
    for name, value in _present(fields, names):
        if isinstance(value, str) and (is_placeholder(value) or value.strip().lower() == "nan"):
            continue
        number = read_positive(value)
        if number is not None:
            return number
        if read_number(value) != 0:
            warnings.append(f"{name} unreadable")
    return None


def _protection(
    fields: Fields, long_name: str, short_name: str, names: tuple[str, ...], warnings: list[str]
) -> tuple[Decimal | None, Distance | None]:
    for unit in (DistanceUnit.PIPS, DistanceUnit.PERCENT):
        for name in (f"{long_name}{unit.value}", f"{short_name}{unit.value}"):
            value = read_positive(fields.get(name))
            if value is not None:
                return None, Distance(value, unit)
    for name in (long_name, short_name):
        raw = fields.get(name)
        if isinstance(raw, str) and raw.strip().endswith("%"):
            value = read_positive(raw.strip()[:-1])
            if value is not None:
                return None, Distance(value, DistanceUnit.PERCENT)
    amount = read_positive(fields.get(f"{long_name}amount"))
    if amount is not None:
        return None, Distance(amount, DistanceUnit.PRICE)
    return _positive(fields, names, warnings), None


def _quantity(fields: Fields, warnings: list[str]) -> Decimal | None:
    currency = fields.get("ordercurrencytype")
    if isinstance(currency, str) and currency.lower() not in ("base", ""):
        return None
    names = QUANTITY_NAMES
    # {{volume}} beside open, high and low is the bar's volume, not an order's.
    if not {"open", "high", "low"} & set(fields):
        names = (*QUANTITY_NAMES, "volume")
    readable = {
        name: value
        for name, value in fields.items()
        if not (isinstance(value, str) and value.strip().endswith("%"))
    }
    return _positive(readable, names, warnings)


def _source_time(fields: Fields, warnings: list[str]) -> datetime | None:
    for name, value in _present(fields, TIME_NAMES):
        if isinstance(value, str) and is_placeholder(value):
            continue
        instant = read_instant(value)
        if instant is not None:
            return instant
        warnings.append(f"{name} unreadable")
    return None


def _sequence(fields: Fields, warnings: list[str]) -> int | None:
    for name, value in _present(fields, SEQUENCE_NAMES):
        number = read_number(value)
        if number is not None and number == int(number) and 0 <= number < 2**63:
            return int(number)
        warnings.append(f"{name} unreadable")
    return None
