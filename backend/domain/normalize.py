"""From an alert in its sender's words to a signal in the desk's: symbol, session, timeframe.

Refusals are values; an unknown symbol or a stale alert is a matter for a person. The rules
and the cases that prove them stand in `contracts/normalization`: the edge function
`normalize-signal` follows the same ones in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum

from backend.contracts.normalization import RULES
from backend.domain.instruments import Instrument, InstrumentRegistry
from backend.domain.intake.alert import Distance, DistanceUnit
from backend.domain.sessions import is_open, leading_session, session_tags
from backend.domain.timeframe import canonical_timeframe
from backend.values import OrderType, Side, to_utc

# Wide enough that no product or quotient here is ever rounded: two programs must agree.
_EXACT = Context(prec=200, rounding=ROUND_HALF_EVEN)
_REFERENCE_AGE_MAX = timedelta(seconds=RULES.prices.reference_age_s_max)


class NormalizeCode(StrEnum):
    """Why a signal could not be normalised, in the order in which it is looked at."""

    SYMBOL_UNKNOWN = "SYMBOL_UNKNOWN"
    SYMBOL_NOT_TRADABLE = "SYMBOL_NOT_TRADABLE"
    ALERT_TOO_OLD = "ALERT_TOO_OLD"
    SOURCE_TIME_IN_FUTURE = "SOURCE_TIME_IN_FUTURE"
    MARKET_CLOSED = "MARKET_CLOSED"
    TIMEFRAME_UNKNOWN = "TIMEFRAME_UNKNOWN"
    PIPS_UNDEFINED = "PIPS_UNDEFINED"
    """A distance in pips of an instrument that has none."""
    DISTANCE_WITHOUT_PRICE = "DISTANCE_WITHOUT_PRICE"
    """A distance, and neither the alert's price nor a fresh quote to measure it from."""
    PRICE_BELOW_TICK = "PRICE_BELOW_TICK"
    """A price that is not one any more on the instrument's tick."""
    PRICE_MISSING = "PRICE_MISSING"
    """A limit or stop order without a price."""
    STOP_ON_WRONG_SIDE = "STOP_ON_WRONG_SIDE"
    TARGET_ON_WRONG_SIDE = "TARGET_ON_WRONG_SIDE"


@dataclass(frozen=True, slots=True)
class NormalizePolicy:
    """What the pack says about signals."""

    default_timeframe: str
    source_age_s_max: int
    source_ahead_s_max: int
    """How far a sender's clock may run ahead of ours."""
    refuse_when_closed: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """What an instrument could be bought and sold for."""

    bid: Decimal
    ask: Decimal
    as_of: datetime
    """When it came, by our clock; one that is younger than the alert is as good."""


@dataclass(frozen=True, slots=True)
class SignalFacts:
    """An understood alert and when it came; prices as the sender wrote them."""

    symbol_raw: str
    side: Side
    order_type: OrderType
    price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    timeframe: str | None
    source_time: datetime | None
    received_at: datetime
    stop_distance: Distance | None = None
    take_distance: Distance | None = None
    exchange: str | None = None
    quote: Quote | None = None
    """The market's, for distances of an alert that names no price."""


@dataclass(frozen=True, slots=True)
class Normalized:
    """A signal in canonical form; prices are on the instrument's tick."""

    instrument: Instrument
    side: Side
    order_type: OrderType
    price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    timeframe: str
    session: str
    session_tags: tuple[str, ...]
    source_time: datetime | None
    received_at: datetime
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotNormalized:
    """A signal that goes no further, and why."""

    code: NormalizeCode
    detail: str

    @property
    def needs_person(self) -> bool:
        """Say whether a person should look; the rest is denied, however well it is meant."""
        return RULES.refusals[self.code.value] == "review"


@dataclass(frozen=True, slots=True)
class _Prices:
    price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    measured_from_quote: bool


def normalize(
    facts: SignalFacts, registry: InstrumentRegistry, policy: NormalizePolicy
) -> Normalized | NotNormalized:
    """Put an understood alert into canonical form. Raises ValueError on a naive instant."""
    instrument = registry.resolve(facts.symbol_raw, facts.exchange)
    if instrument is None:
        return NotNormalized(NormalizeCode.SYMBOL_UNKNOWN, facts.symbol_raw)
    state = instrument.lifecycle.value
    if RULES.lifecycle[state] != "passes":
        return NotNormalized(NormalizeCode.SYMBOL_NOT_TRADABLE, f"{instrument.symbol} is {state}")
    received_at = to_utc(facts.received_at)
    refusal = _fault_in_time(facts, received_at, instrument, policy)
    if refusal is not None:
        return refusal
    timeframe = canonical_timeframe(facts.timeframe)
    if timeframe is None and facts.timeframe is not None:
        return NotNormalized(NormalizeCode.TIMEFRAME_UNKNOWN, facts.timeframe)
    prices = _prices(facts, received_at, instrument)
    if isinstance(prices, NotNormalized):
        return prices
    notes: list[str] = []
    if timeframe is None:
        notes.append(RULES.notes.default_timeframe)
    if prices.measured_from_quote:
        notes.append(RULES.notes.measured_from_quote)
    tags = session_tags(received_at)
    return Normalized(
        instrument=instrument,
        side=facts.side,
        order_type=facts.order_type,
        price=prices.price,
        stop_loss=prices.stop_loss,
        take_profit=prices.take_profit,
        timeframe=timeframe or policy.default_timeframe,
        session=leading_session(tags).value,
        session_tags=tags,
        source_time=facts.source_time,
        received_at=received_at,
        notes=tuple(notes),
    )


def price_at(
    distance: Distance, entry: Decimal, sign: int, instrument: Instrument
) -> Decimal | None:
    """Return the price that lies a distance above (+1) or below (-1) the entry.

    None if the price would not be positive. Raises ValueError on pips where there are none.
    """
    match distance.unit:
        case DistanceUnit.PIPS:
            if instrument.pip_size is None:
                raise ValueError(f"{instrument.symbol} has no pips")
            offset = _EXACT.multiply(distance.value, instrument.pip_size)
        case DistanceUnit.PERCENT:
            offset = _EXACT.multiply(_EXACT.multiply(entry, distance.value), Decimal("0.01"))
        case DistanceUnit.PRICE:
            offset = distance.value
    price = _EXACT.add(entry, offset if sign > 0 else -offset)
    return price if price > 0 else None


def _prices(
    facts: SignalFacts, received_at: datetime, instrument: Instrument
) -> _Prices | NotNormalized:
    """Put price, stop and target on the tick, measuring distances from the entry."""
    distances = [d for d in _distances(facts) if d is not None]
    if instrument.pip_size is None and any(d.unit is DistanceUnit.PIPS for d in distances):
        return NotNormalized(NormalizeCode.PIPS_UNDEFINED, f"{instrument.symbol} has no pips")
    price = _on_tick(facts.price, instrument)
    if facts.price is not None and price is None:
        return NotNormalized(NormalizeCode.PRICE_BELOW_TICK, "price")
    if facts.order_type is not OrderType.MARKET and price is None:
        return NotNormalized(NormalizeCode.PRICE_MISSING, facts.order_type.value)
    entry = price
    if entry is None and distances:
        entry = _market_price(facts, received_at, instrument)
        if entry is None:
            return NotNormalized(
                NormalizeCode.DISTANCE_WITHOUT_PRICE, f"no price of {instrument.symbol}"
            )
    stop, take = _distances(facts)
    stop_loss = _protection(facts.stop_loss, stop, entry, -facts.side.sign, instrument)
    if stop_loss is None and (facts.stop_loss is not None or stop is not None):
        return NotNormalized(NormalizeCode.PRICE_BELOW_TICK, "stop_loss")
    take_profit = _protection(facts.take_profit, take, entry, facts.side.sign, instrument)
    if take_profit is None and (facts.take_profit is not None or take is not None):
        return NotNormalized(NormalizeCode.PRICE_BELOW_TICK, "take_profit")
    wrong = _fault_in_protection(facts.side, entry, stop_loss, take_profit)
    if wrong is not None:
        return wrong
    return _Prices(price, stop_loss, take_profit, bool(distances) and price is None)


def _distances(facts: SignalFacts) -> tuple[Distance | None, Distance | None]:
    """Return the distances that count: a price beside one is the plainer word."""
    stop = facts.stop_distance if facts.stop_loss is None else None
    take = facts.take_distance if facts.take_profit is None else None
    return stop, take


def _protection(
    price: Decimal | None,
    distance: Distance | None,
    entry: Decimal | None,
    sign: int,
    instrument: Instrument,
) -> Decimal | None:
    if price is None and distance is not None and entry is not None:
        price = price_at(distance, entry, sign, instrument)
    return _on_tick(price, instrument)


def _market_price(
    facts: SignalFacts, received_at: datetime, instrument: Instrument
) -> Decimal | None:
    quote = facts.quote
    if quote is None or received_at - to_utc(quote.as_of) > _REFERENCE_AGE_MAX:
        return None
    return _on_tick(quote.ask if facts.side is Side.BUY else quote.bid, instrument)


def _fault_in_time(
    facts: SignalFacts, received_at: datetime, instrument: Instrument, policy: NormalizePolicy
) -> NotNormalized | None:
    if facts.source_time is not None:
        age = received_at - to_utc(facts.source_time)
        if age > timedelta(seconds=policy.source_age_s_max):
            detail = f"{age // timedelta(seconds=1)} s old"
            return NotNormalized(NormalizeCode.ALERT_TOO_OLD, detail)
        if -age > timedelta(seconds=policy.source_ahead_s_max):
            detail = f"{-age // timedelta(seconds=1)} s ahead"
            return NotNormalized(NormalizeCode.SOURCE_TIME_IN_FUTURE, detail)
    if policy.refuse_when_closed and not is_open(received_at, instrument.calendar):
        return NotNormalized(NormalizeCode.MARKET_CLOSED, instrument.symbol)
    return None


def _fault_in_protection(
    side: Side, entry: Decimal | None, stop_loss: Decimal | None, take_profit: Decimal | None
) -> NotNormalized | None:
    sign = side.sign
    if entry is not None and stop_loss is not None and sign * (entry - stop_loss) <= 0:
        return _wrong_side(NormalizeCode.STOP_ON_WRONG_SIDE, side, stop_loss, entry)
    if entry is not None and take_profit is not None and sign * (take_profit - entry) <= 0:
        return _wrong_side(NormalizeCode.TARGET_ON_WRONG_SIDE, side, take_profit, entry)
    if stop_loss is not None and take_profit is not None and sign * (take_profit - stop_loss) <= 0:
        return _wrong_side(NormalizeCode.STOP_ON_WRONG_SIDE, side, stop_loss, take_profit)
    return None


def _wrong_side(code: NormalizeCode, side: Side, price: Decimal, beside: Decimal) -> NotNormalized:
    return NotNormalized(code, f"{side.value} with {price:f} beside {beside:f}")


def _on_tick(price: Decimal | None, instrument: Instrument) -> Decimal | None:
    """Round to the nearest tick, ties to even, exactly; None if nothing is left."""
    if price is None or price <= 0:
        return None
    tick = instrument.tick_size
    ticks, rest = _EXACT.divmod(price, tick)
    doubled = _EXACT.multiply(rest, Decimal(2))
    if doubled > tick or (doubled == tick and _EXACT.remainder(ticks, Decimal(2)) == 1):
        ticks = _EXACT.add(ticks, Decimal(1))
    rounded = _EXACT.multiply(ticks, tick)
    return rounded if rounded > 0 else None
