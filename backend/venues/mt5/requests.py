"""From an attempt to a trade request: floats only here, on the grid that the venue demands."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

from backend.ports import Quote
from backend.values import Side
from backend.venues.model import (
    AttemptRequest,
    InstrumentSpec,
    VenuePosition,
    WorkingTime,
    WorkingType,
)
from backend.venues.mt5 import protocol

_MARKET_TYPES = {Side.BUY: protocol.ORDER_BUY, Side.SELL: protocol.ORDER_SELL}
_PENDING_TYPES = {
    (WorkingType.LIMIT, Side.BUY): protocol.ORDER_BUY_LIMIT,
    (WorkingType.LIMIT, Side.SELL): protocol.ORDER_SELL_LIMIT,
    (WorkingType.STOP, Side.BUY): protocol.ORDER_BUY_STOP,
    (WorkingType.STOP, Side.SELL): protocol.ORDER_SELL_STOP,
    # The server trails nothing that is not a position's stop: the desk moves the price.
    (WorkingType.TRAILING, Side.BUY): protocol.ORDER_BUY_STOP,
    (WorkingType.TRAILING, Side.SELL): protocol.ORDER_SELL_STOP,
    (WorkingType.STOP_LIMIT, Side.BUY): protocol.ORDER_BUY_STOP_LIMIT,
    (WorkingType.STOP_LIMIT, Side.SELL): protocol.ORDER_SELL_STOP_LIMIT,
}


@dataclass(frozen=True, slots=True)
class Unsendable:
    """Why an attempt cannot be put into a request that the venue would take."""

    reason: str


def utf16_units(text: str) -> int:
    """Count the 16-bit units of a text: the wheel's limits are in those."""
    return len(text.encode("utf-16-le")) // 2


def round_volume(volume: Decimal, spec: InstrumentSpec) -> Decimal | Unsendable:
    """Round down to the volume step; never trade more than was authorised."""
    steps = (volume / spec.volume_step).to_integral_value(ROUND_DOWN)
    rounded = steps * spec.volume_step
    if rounded < spec.volume_min:
        return Unsendable(f"volume {volume} is below the minimum {spec.volume_min}")
    if rounded > spec.volume_max:
        return Unsendable(f"volume {volume} is above the maximum {spec.volume_max}")
    return rounded


def round_price(price: Decimal, spec: InstrumentSpec, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Round to the tick size."""
    ticks = (price / spec.tick_size).to_integral_value(rounding)
    return (ticks * spec.tick_size).quantize(Decimal(1).scaleb(-spec.digits))


def choose_filling(spec: InstrumentSpec, order: AttemptRequest) -> int | Unsendable:
    """Choose the filling: the symbol's is a bitmask of other numbers, and FOK is 0.

    Pending orders rest with RETURN. For market orders, market execution allows what the mask
    says, instant and request execution fill or kill.
    """
    if order.order_type is not WorkingType.MARKET:
        return protocol.FILLING_RETURN
    if spec.execution_mode in (protocol.EXECUTION_REQUEST, protocol.EXECUTION_INSTANT):
        if order.time_in_force is WorkingTime.IOC:
            return Unsendable("instant execution fills whole or not at all")
        return protocol.FILLING_FOK
    fok = bool(spec.filling_mask & protocol.MASK_FOK)
    ioc = bool(spec.filling_mask & protocol.MASK_IOC)
    if order.time_in_force is WorkingTime.FOK:
        return protocol.FILLING_FOK if fok else Unsendable("the symbol does not allow FOK")
    if order.time_in_force is WorkingTime.IOC:
        if ioc:
            return protocol.FILLING_IOC
        # FOK is stricter: it fills nothing that IOC would not have filled.
        return protocol.FILLING_FOK if fok else Unsendable("the symbol does not allow IOC")
    if fok:
        return protocol.FILLING_FOK
    if ioc:
        return protocol.FILLING_IOC
    if spec.execution_mode == protocol.EXECUTION_EXCHANGE:
        return protocol.FILLING_RETURN
    return Unsendable("the symbol allows no filling for market orders")


def build_request(
    order: AttemptRequest,
    spec: InstrumentSpec,
    hedging: bool,
    quote: Quote | None,
    expiration_s: int | None = None,
) -> dict[str, Any] | Unsendable:
    """Build the trade request of an attempt.

    quote: the venue's newest, needed where execution is instant and the attempt names no price.
    expiration_s: the end of a good-till-date order, in the server's seconds.
    """
    for text in (spec.venue_symbol, order.client_order_id):
        if utf16_units(text) > protocol.TEXT_UNITS_MAX:
            return Unsendable(f"{text!r} exceeds {protocol.TEXT_UNITS_MAX} UTF-16 units")
    volume = round_volume(order.volume, spec)
    filling = choose_filling(spec, order)
    for part in (volume, filling):
        if isinstance(part, Unsendable):
            return part
    request: dict[str, Any] = {
        "symbol": spec.venue_symbol,
        "volume": _number(volume),
        "type_filling": filling,
        "magic": order.magic_number,
        "comment": order.client_order_id,
        "deviation": order.deviation_points,
        **_stops(order.stop_loss, order.take_profit, spec),
    }
    if order.order_type is WorkingType.MARKET:
        return _market(request, order, spec, hedging, quote)
    return _pending(request, order, spec, expiration_s)


def _market(
    request: dict[str, Any],
    order: AttemptRequest,
    spec: InstrumentSpec,
    hedging: bool,
    quote: Quote | None,
) -> dict[str, Any] | Unsendable:
    request["action"] = protocol.ACTION_DEAL
    request["type"] = _MARKET_TYPES[order.side]
    buy = order.side is Side.BUY
    price = order.price
    if quote is not None:
        price = price or (quote.ask if buy else quote.bid)
        # Stops are measured from the side at which they would trade.
        near = _stops_too_near(order, spec, quote.bid if buy else quote.ask)
        if near is not None:
            return near
    if price is not None:
        request["price"] = _number(round_price(price, spec))
    elif needs_price(spec):
        return Unsendable("instant execution needs a price")
    # A netting account closes by trading the other way; naming the position is for hedging.
    if order.position_ticket is not None and hedging:
        request["position"] = order.position_ticket
    return request


def _pending(
    request: dict[str, Any], order: AttemptRequest, spec: InstrumentSpec, expiration_s: int | None
) -> dict[str, Any] | Unsendable:
    if order.time_in_force in (WorkingTime.IOC, WorkingTime.FOK):
        return Unsendable(f"a working order cannot be {order.time_in_force}")
    if order.position_ticket is not None:
        return Unsendable("a working order cannot close a position")
    terms = _terms(order, spec, expiration_s)
    if isinstance(terms, Unsendable):
        return terms
    request["action"] = protocol.ACTION_PENDING
    request["type"] = _PENDING_TYPES[order.order_type, order.side]
    return request | terms


def _terms(
    order: AttemptRequest, spec: InstrumentSpec, expiration_s: int | None
) -> dict[str, Any] | Unsendable:
    """Give what can be changed of a working order: prices, stops and its end."""
    # A limit is never worse than what was authorised.
    never_worse = ROUND_FLOOR if order.side is Side.BUY else ROUND_CEILING
    limit = None if order.price is None else round_price(order.price, spec, never_worse)
    stop = order.stop_price
    if order.order_type is WorkingType.STOP and stop is None:
        stop = order.price
    trigger = None if stop is None else round_price(stop, spec)
    first = limit if order.order_type is WorkingType.LIMIT else trigger
    if first is None or (order.order_type is WorkingType.STOP_LIMIT and limit is None):
        return Unsendable(f"a {order.order_type} order needs a price")
    terms: dict[str, Any] = {"price": _number(first)}
    if order.order_type is WorkingType.STOP_LIMIT and limit is not None:
        terms["stoplimit"] = _number(limit)
        first = limit
    near = _stops_too_near(order, spec, first)
    if near is not None:
        return near
    if order.time_in_force is WorkingTime.GTD:
        if expiration_s is None:
            return Unsendable("the order's end cannot be said in the server's time")
        return terms | {"type_time": protocol.TIME_SPECIFIED, "expiration": expiration_s}
    day = order.time_in_force is WorkingTime.DAY
    return terms | {"type_time": protocol.TIME_DAY if day else protocol.TIME_GTC}


def build_change(
    order: AttemptRequest, spec: InstrumentSpec, order_ticket: int, expiration_s: int | None
) -> dict[str, Any] | Unsendable:
    """Build the request that gives a working order other terms; its volume is none of them."""
    terms = _terms(order, spec, expiration_s)
    if isinstance(terms, Unsendable):
        return terms
    return {
        "action": protocol.ACTION_MODIFY,
        "order": order_ticket,
        "symbol": spec.venue_symbol,
        **_stops(order.stop_loss, order.take_profit, spec),
        **terms,
    }


def _stops_too_near(
    order: AttemptRequest, spec: InstrumentSpec, reference: Decimal
) -> Unsendable | None:
    """Refuse stops nearer than the stops level, or on the wrong side; moving them is no option."""
    gap = spec.stops_level_points * spec.point
    for name, price, direction in (
        ("stop loss", order.stop_loss, -order.side.sign),
        ("take profit", order.take_profit, order.side.sign),
    ):
        if price is not None and (round_price(price, spec) - reference) * direction < gap:
            return Unsendable(f"{name} {price} is nearer to {reference} than the level of {gap}")
    return None


@dataclass(frozen=True, slots=True)
class StopsFault:
    """Why a position cannot have some stops now. passes: it may when the price has moved."""

    reason: str
    passes: bool


def stops_fault(
    position: VenuePosition,
    stop_loss: Decimal | None,
    take_profit: Decimal | None,
    spec: InstrumentSpec,
    quote: Quote,
) -> StopsFault | None:
    """Say why the venue would not take other stops of a position: its levels, or None.

    Within the freeze level of a stop that stands nothing of the position may be changed.
    """
    # Where the position would be closed.
    market = quote.bid if position.side is Side.BUY else quote.ask
    frozen = spec.freeze_level_points * spec.point
    for standing in (position.stop_loss, position.take_profit):
        if standing is not None and abs(market - standing) < frozen:
            return StopsFault(f"the market is within {frozen} of {standing}: frozen", passes=True)
    gap = spec.stops_level_points * spec.point
    sign = position.side.sign
    for name, price, direction in (
        ("stop loss", stop_loss, -sign),
        ("take profit", take_profit, sign),
    ):
        away = None if price is None else (round_price(price, spec) - market) * direction
        if away is not None and (away <= 0 or away < gap):
            return StopsFault(f"{name} {price} is nearer to {market} than {gap}", passes=False)
    return None


def needs_price(spec: InstrumentSpec) -> bool:
    """Tell whether market orders of a symbol must name a price."""
    return spec.execution_mode in (protocol.EXECUTION_REQUEST, protocol.EXECUTION_INSTANT)


def build_stops(
    position_ticket: int,
    stop_loss: Decimal | None,
    take_profit: Decimal | None,
    spec: InstrumentSpec,
) -> dict[str, Any]:
    """Build the request that replaces a position's stops."""
    return {
        "action": protocol.ACTION_SLTP,
        "symbol": spec.venue_symbol,
        "position": position_ticket,
        **_stops(stop_loss, take_profit, spec),
    }


def build_removal(order_ticket: int) -> dict[str, Any]:
    """Build the request that withdraws a working order: the ticket alone says which."""
    return {"action": protocol.ACTION_REMOVE, "order": order_ticket}


def _stops(
    stop_loss: Decimal | None, take_profit: Decimal | None, spec: InstrumentSpec
) -> dict[str, float]:
    given = {"sl": stop_loss, "tp": take_profit}
    return {name: _number(round_price(p, spec)) if p else 0.0 for name, p in given.items()}


def _number(value: Decimal | Unsendable) -> float:
    if isinstance(value, Unsendable):
        raise TypeError(value.reason)
    return float(value)
