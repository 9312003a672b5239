"""From named fields, whatever the sender calls them, to an alert.

The names come from TradingView's placeholders and from the public forms of 3Commas,
TradersPost, PineConnector, OctoBot, OpenAlgo, CryptoGnome, Tickerly and plain scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from backend.domain.intake.alert import IntakeCode, NotUnderstood, ParsedAlert
from backend.domain.intake.direction import Direction, read_fields_direction
from backend.domain.intake.flatten import Fields, Names
from backend.domain.intake.identity import is_order_name
from backend.domain.intake.protection import Unreadable, read_price, read_protection
from backend.domain.intake.secrets import secret_hashes
from backend.domain.intake.words import (
    bare,
    clean,
    is_placeholder,
    read_instant,
    read_number,
    read_order_type,
    read_symbol,
)
from backend.values import OrderType, Side

_INNER = ("", "order", "trade", "signal", "strategyorder", "position")
"""Objects in which senders like to put what concerns the order."""


SYMBOL_NAMES = Names(
    "symbol ticker tvinstrument pair instrument syminfoticker asset symbolname tradingsymbol",
    _INNER,
)
# Elsewhere the name of a market (`crypto`, `spot`): only where nothing else names a symbol.
_MARKET_NAMES = Names("market coin")
EXCHANGE_NAMES = Names("exchange tvexchange syminfoprefix")
_WEAK_ID_NAMES = Names("id")
STRONG_ID_NAMES = Names("alertuuid alertid signalid signaluuid eventid messageid uuid")
FIRED_NAMES = Names(
    "timenow triggeredat firedat firetime sentat createdat alerttime eventtime signaltime"
    " timestamp datetime ts"
)
BAR_TIME_NAMES = Names("time bartime candletime baropentime date")
_QUANTITIES = "quantity qty contracts lots lot lotsize size amount q"
_OF_ORDERS = ("", "order", "trade", "signal", "strategyorder")
QUANTITY_NAMES = Names(_QUANTITIES, _OF_ORDERS)
_QUANTITY_OR_VOLUME_NAMES = Names(_QUANTITIES + " volume", _OF_ORDERS)
TIMEFRAME_NAMES = Names("timeframe interval tf resolution")
STRATEGY_NAMES = Names("strategycode strategyid strategyname strategy system botuuid")
ORDER_NAMES = Names("strategyorderid orderid ordername pointer")
COMMENT_NAMES = Names("comment strategyordercomment ordercomment note alertmessage")
SEQUENCE_NAMES = Names("sequence sequencenumber seq seqno alertseq alertnumber")
ORDER_TYPE_NAMES = Names("ordertype strategyordertype pricetype type")
LAG_NAMES = Names("maxlag maxlags maxage validfor")
_WAITING = re.compile(r"limit|lmt|stop|stp|trail|touched")
"""In words for orders that do not trade at once, such as STOP_LIMIT."""
_UNIT_NAMES = Names("ordercurrencytype currencytype quantitytype qtytype sizetype")


def alert_from_fields(
    fields: Fields, shape: str, secrets_beside: Iterable[str] = ()
) -> ParsedAlert | NotUnderstood:
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
    try:
        price = read_price(fields, order_type, warnings)
        stop_loss, stop_distance = read_protection(fields, "stop", order_type, warnings)
        take_profit, take_distance = read_protection(fields, "take", order_type, warnings)
        quantity = _quantity(fields, direction.side, warnings)
    except Unreadable as error:
        return NotUnderstood(error.code, str(error))
    alert_id, order_name = _identity(fields)
    source_time, bar_time = _source_time(fields, warnings)
    return ParsedAlert(
        shape=shape,
        symbol_raw=symbol_raw,
        side=direction.side,
        order_type=order_type,
        alert_id=alert_id,
        exchange=exchange or _text(fields, EXCHANGE_NAMES, 32),
        price=price,
        stop_loss=stop_loss,
        take_profit=take_profit,
        stop_distance=stop_distance,
        take_distance=take_distance,
        quantity=quantity,
        timeframe=_text(fields, TIMEFRAME_NAMES, 16),
        source_time=source_time,
        bar_time=bar_time,
        max_lag_s=_whole(fields, LAG_NAMES, 10**7, warnings),
        strategy_code=_text(fields, STRATEGY_NAMES, 64),
        order_name=order_name,
        comment=_text(fields, COMMENT_NAMES, 256),
        sequence=_whole(fields, SEQUENCE_NAMES, 2**63, warnings),
        warnings=tuple(warnings),
        secrets=secret_hashes(fields, secrets_beside),
    )


def _symbol(fields: Fields) -> tuple[str, str | None] | NotUnderstood:
    found = SYMBOL_NAMES.of(fields) or _MARKET_NAMES.of(fields)
    if not found:
        return NotUnderstood(IntakeCode.SYMBOL_MISSING, "no field names a symbol")
    readings: list[tuple[str, str | None]] = []
    for name, value in found:
        text = str(value)
        if is_placeholder(text):
            return NotUnderstood(IntakeCode.PLACEHOLDER_NOT_FILLED, name)
        reading = None if isinstance(value, bool) else read_symbol(text)
        if reading is None:
            return NotUnderstood(IntakeCode.SYMBOL_UNREADABLE, name)
        readings.append(reading)
    # `BTC/USDT` and `BTCUSDT.P` are spellings of one, `EURUSD` and `GBPUSD` are not.
    plain = sorted("".join(filter(str.isalnum, symbol)) for symbol, _ in readings)
    if not plain[-1].startswith(plain[0]):
        return NotUnderstood(IntakeCode.FIELD_CONFLICT, "fields name two symbols")
    with_exchange = next((reading for reading in readings if reading[1]), readings[0])
    return readings[0][0], with_exchange[1]


def _order_type(fields: Fields, direction: Direction) -> OrderType | NotUnderstood:
    if direction.order_type is not None:
        return direction.order_type
    for name, value in ORDER_TYPE_NAMES.of(fields):
        if not isinstance(value, str) or is_placeholder(value):
            continue
        if found := read_order_type(value):
            return found
        # `type` often says something else ("alert", "signal", "buy"): only a clear word binds.
        if name != "type" or _WAITING.search(bare(value)):
            return NotUnderstood(IntakeCode.ORDER_TYPE_UNKNOWN, name)
    return OrderType.MARKET


def _identity(fields: Fields) -> tuple[str | None, str | None]:
    """Return what names the alert for ever, and the script's own name of its order.

    Many scripts fill `id` with `{{strategy.order.id}}`, which is the order's name ("Long",
    "Short 2") and comes again with the next trade: taking it for an id would drop trades.
    """
    order_name = _text(fields, ORDER_NAMES, 64)
    strong = _text(fields, STRONG_ID_NAMES, 128)
    weak = _text(fields, _WEAK_ID_NAMES, 128)
    if strong is None and weak is not None and is_order_name(weak):
        return None, order_name or weak[:64]
    return strong or weak, order_name


def _text(fields: Fields, names: Names, length_max: int) -> str | None:
    for _, value in names.of(fields):
        if isinstance(value, bool):
            continue
        text = clean(str(value), length_max)
        if text is not None and not is_placeholder(text):
            return text
    return None


def _quantity(fields: Fields, side: Side, warnings: list[str]) -> Decimal | None:
    # The desk sizes its orders; a sender's share of equity or amount of quote currency is no lot.
    for _, kind in _UNIT_NAMES.of(fields):
        if isinstance(kind, str) and kind.lower() not in ("base", "fixed_quantity", "lots"):
            return None
    # {{volume}} beside open, high and low is the bar's volume, not an order's.
    is_bar = not fields.keys().isdisjoint(("open", "high", "low"))
    names = QUANTITY_NAMES if is_bar else _QUANTITY_OR_VOLUME_NAMES
    for name, value in names.of(fields):
        if isinstance(value, str) and (is_placeholder(value) or value.strip().endswith("%")):
            continue
        number = read_number(value)
        if number is not None and number > 0:
            return number
        if number is not None and number < 0 and side is Side.BUY:
            # Where quantities have a sign, a negative one is sold.
            raise Unreadable(IntakeCode.DIRECTION_CONFLICT, f"{name}: {number}")
        if number != 0:
            warnings.append(f"{name} unreadable")
    return None


def _source_time(fields: Fields, warnings: list[str]) -> tuple[datetime | None, bool]:
    """Return the instant and whether it is a bar's opening."""
    for names, bar_time in ((FIRED_NAMES, False), (BAR_TIME_NAMES, True)):
        for name, value in names.of(fields):
            if isinstance(value, str) and is_placeholder(value):
                continue
            instant = read_instant(value)
            if instant is not None:
                return instant, bar_time
            warnings.append(f"{name} unreadable")
    return None, False


def _whole(fields: Fields, names: Names, below: int, warnings: list[str]) -> int | None:
    for name, value in names.of(fields):
        number = read_number(value)
        if number is not None and number == int(number) and 0 <= number < below:
            return int(number)
        warnings.append(f"{name} unreadable")
    return None
