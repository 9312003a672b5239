"""What the server refuses, by code. Each check gives a retcode, or None when all is well."""

from decimal import Decimal

from backend.paper_terminal.constants import (
    FILLING_BIT,
    Execution,
    Filling,
    OrderKind,
    Retcode,
    TimeType,
)
from backend.paper_terminal.market import Quote
from backend.paper_terminal.requests import Request
from backend.paper_terminal.symbols import SymbolSpec

PENDING_KINDS = frozenset(
    {OrderKind.BUY_LIMIT, OrderKind.SELL_LIMIT, OrderKind.BUY_STOP, OrderKind.SELL_STOP}
)
BUY_KINDS = frozenset({OrderKind.BUY, OrderKind.BUY_LIMIT, OrderKind.BUY_STOP})


def check_volume(spec: SymbolSpec, volume: Decimal) -> Retcode | None:
    """Refuse a volume outside the limits or off the step."""
    if not spec.volume_min <= volume <= spec.volume_max or volume % spec.volume_step:
        return Retcode.INVALID_VOLUME
    return None


def check_filling(spec: SymbolSpec, filling: int, pending: bool) -> Retcode | None:
    """Refuse a filling that the symbol's bitmask lacks; pending orders may rest with RETURN."""
    if filling == Filling.RETURN:
        return None if pending else Retcode.INVALID_FILL
    if filling not in FILLING_BIT or not spec.filling_mode & FILLING_BIT[Filling(filling)]:
        return Retcode.INVALID_FILL
    return None


def check_market_price(spec: SymbolSpec, request: Request, price_now: Decimal) -> Retcode | None:
    """Refuse a bad price; under instant execution one that moved past the deviation."""
    if request.price < 0:
        return Retcode.INVALID_PRICE
    if spec.execution is Execution.MARKET:
        return None
    if request.price == 0 or _off_tick(spec, request.price):
        return Retcode.INVALID_PRICE
    if abs(request.price - price_now) > request.deviation * spec.point:
        return Retcode.REQUOTE
    return None


def check_pending_price(
    spec: SymbolSpec, kind: int, price: Decimal, quote: Quote
) -> Retcode | None:
    """Refuse a pending price off the tick, on the wrong side or within the stops level."""
    if price <= 0 or _off_tick(spec, price):
        return Retcode.INVALID_PRICE
    gap = spec.stops_level * spec.point
    right = {
        OrderKind.BUY_LIMIT: price <= quote.ask - gap,
        OrderKind.SELL_LIMIT: price >= quote.bid + gap,
        OrderKind.BUY_STOP: price >= quote.ask + gap,
        OrderKind.SELL_STOP: price <= quote.bid - gap,
    }
    return None if right[OrderKind(kind)] else Retcode.INVALID_PRICE


def check_frozen(spec: SymbolSpec, kind: int, price: Decimal, quote: Quote) -> Retcode | None:
    """Refuse to touch a pending order that the price is about to reach; level 0 freezes none."""
    gap = spec.freeze_level * spec.point
    market = quote.ask if kind in BUY_KINDS else quote.bid
    return Retcode.FROZEN if abs(market - price) < gap else None


def check_stops(
    spec: SymbolSpec, buy: bool, stop: Decimal, target: Decimal, reference: Decimal
) -> Retcode | None:
    """Refuse stops off the tick, on the wrong side of the reference or too near. 0 is none."""
    gap = spec.stops_level * spec.point
    sign = 1 if buy else -1
    for price, direction in ((stop, -sign), (target, sign)):
        if price == 0:
            continue
        if price < 0 or _off_tick(spec, price) or (price - reference) * direction < gap:
            return Retcode.INVALID_STOPS
    return None


def check_expiration(request: Request, server_s: int) -> Retcode | None:
    """Refuse an expiration that is missing, past or meaningless."""
    timed = request.type_time in (TimeType.SPECIFIED, TimeType.SPECIFIED_DAY)
    if request.type_time not in set(TimeType):
        return Retcode.INVALID_EXPIRATION
    if timed != bool(request.expiration) or (timed and request.expiration <= server_s):
        return Retcode.INVALID_EXPIRATION
    return None


def _off_tick(spec: SymbolSpec, price: Decimal) -> bool:
    # Beyond 10^12 the remainder would not fit a decimal's precision; no market is there.
    return price > 10**12 or bool(price % spec.point)
