"""What the server refuses, by code. Each check gives a retcode, or None when all is well."""

from decimal import Decimal

from backend.paper_terminal.constants import (
    FILLING_BIT,
    Execution,
    Filling,
    OrderKind,
    Retcode,
    TimeType,
    TradeMode,
)
from backend.paper_terminal.market import Quote
from backend.paper_terminal.records import Position
from backend.paper_terminal.requests import Request
from backend.paper_terminal.symbols import SymbolSpec

STOP_LIMITS = frozenset({OrderKind.BUY_STOP_LIMIT, OrderKind.SELL_STOP_LIMIT})
LIMITS = frozenset({OrderKind.BUY_LIMIT, OrderKind.SELL_LIMIT})
PENDING_KINDS = STOP_LIMITS | LIMITS | {OrderKind.BUY_STOP, OrderKind.SELL_STOP}
BUY_KINDS = frozenset(
    {OrderKind.BUY, OrderKind.BUY_LIMIT, OrderKind.BUY_STOP, OrderKind.BUY_STOP_LIMIT}
)
_PRICED = frozenset({Execution.INSTANT, Execution.REQUEST})


def check_direction(spec: SymbolSpec, buy: bool, closing: bool) -> Retcode | None:
    """Refuse what the symbol's trade mode forbids; closing is forbidden by `disabled` only."""
    if spec.trade_mode is TradeMode.DISABLED:
        return Retcode.TRADE_DISABLED
    if closing or spec.trade_mode is TradeMode.FULL:
        return None
    if spec.trade_mode is TradeMode.CLOSEONLY:
        return Retcode.CLOSE_ONLY
    if buy and spec.trade_mode is TradeMode.SHORTONLY:
        return Retcode.SHORT_ONLY
    return None if buy or spec.trade_mode is TradeMode.SHORTONLY else Retcode.LONG_ONLY


def check_kind(spec: SymbolSpec, kind: int, stop: Decimal, target: Decimal) -> Retcode | None:
    """Refuse a kind of order, or stops, that the symbol does not know."""
    bits = 1 if kind in (OrderKind.BUY, OrderKind.SELL) else 4
    if kind in LIMITS or kind in STOP_LIMITS:
        bits = 2 if kind in LIMITS else 8
    bits |= (16 if stop else 0) | (32 if target else 0)
    return None if spec.order_mode & bits == bits else Retcode.INVALID_ORDER


def check_volume(spec: SymbolSpec, volume: Decimal) -> Retcode | None:
    """Refuse a volume outside the limits or off the step."""
    if not spec.volume_min <= volume <= spec.volume_max or volume % spec.volume_step:
        return Retcode.INVALID_VOLUME
    return None


def check_filling(spec: SymbolSpec, filling: int, kind: int) -> Retcode | None:
    """Refuse a filling that the symbol does not know for this kind of order.

    Its bitmask has other numbers than the filling itself. RETURN needs no bit: pending orders may
    always rest with it, market orders under exchange execution only. BOC is for limits.
    """
    pending = kind in PENDING_KINDS
    if filling == Filling.RETURN:
        allowed = pending or spec.execution is Execution.EXCHANGE
        return None if allowed else Retcode.INVALID_FILL
    if spec.execution in _PRICED and not pending:
        # A dealer fills whole or not at all, whatever the mask says.
        return None if filling == Filling.FOK else Retcode.INVALID_FILL
    if filling == Filling.BOC and kind not in LIMITS:
        return Retcode.INVALID_FILL
    if filling not in FILLING_BIT or not spec.filling_mode & FILLING_BIT[Filling(filling)]:
        return Retcode.INVALID_FILL
    return None


def check_market_price(spec: SymbolSpec, request: Request, price_now: Decimal) -> Retcode | None:
    """Refuse a bad price; under instant execution one that moved past the deviation."""
    if request.price < 0:
        return Retcode.INVALID_PRICE
    if spec.execution not in _PRICED:
        return None
    if request.price == 0 or _off_tick(spec, request.price):
        return Retcode.INVALID_PRICE
    if abs(request.price - price_now) > request.deviation * spec.point:
        return Retcode.REQUOTE
    return None


def check_pending_price(
    spec: SymbolSpec, request: Request, kind: int, quote: Quote
) -> Retcode | None:
    """Refuse a pending price off the tick, on the wrong side or within the stops level."""
    price, gap = request.price, spec.stops_level * spec.point
    if price <= 0 or _off_tick(spec, price):
        return Retcode.INVALID_PRICE
    buy = kind in BUY_KINDS
    market = quote.ask if buy else quote.bid
    # Positive where the market must come up to the order.
    above = price - market
    upward = buy != (kind in LIMITS)
    if (above if upward else -above) < gap:
        return Retcode.INVALID_PRICE
    if kind not in STOP_LIMITS:
        return None if not request.stoplimit else Retcode.INVALID_PRICE
    limit = request.stoplimit
    if limit <= 0 or _off_tick(spec, limit) or (price - limit if buy else limit - price) < gap:
        return Retcode.INVALID_PRICE
    return None


def check_frozen(spec: SymbolSpec, kind: int, price: Decimal, quote: Quote) -> Retcode | None:
    """Refuse to touch a pending order that the price is about to reach; level 0 freezes none."""
    gap = spec.freeze_level * spec.point
    market = quote.ask if kind in BUY_KINDS else quote.bid
    return Retcode.FROZEN if abs(market - price) < gap else None


def check_position_frozen(spec: SymbolSpec, held: Position, quote: Quote) -> Retcode | None:
    """Refuse to touch a position whose stop or target the price is about to reach."""
    gap = spec.freeze_level * spec.point
    market = quote.bid if held.type == 0 else quote.ask
    near = any(level and abs(market - level) < gap for level in (held.sl, held.tp))
    return Retcode.FROZEN if near else None


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


def check_expiration(spec: SymbolSpec, request: Request, server_s: int) -> Retcode | None:
    """Refuse an expiration that is missing, past, meaningless or not known to the symbol."""
    timed = request.type_time in (TimeType.SPECIFIED, TimeType.SPECIFIED_DAY)
    if request.type_time not in set(TimeType) or not spec.expiration_mode >> request.type_time & 1:
        return Retcode.INVALID_EXPIRATION
    if timed != bool(request.expiration) or (timed and request.expiration <= server_s):
        return Retcode.INVALID_EXPIRATION
    return None


def _off_tick(spec: SymbolSpec, price: Decimal) -> bool:
    # Beyond 10^12 the remainder would not fit a decimal's precision; no market is there.
    return price > 10**12 or bool(price % spec.tick_size)
