"""From an alert in its sender's words to a signal in the desk's: symbol, session, timeframe.

Refusals are values; an unknown symbol or a stale alert is a matter for a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from backend.domain.instruments import Instrument, InstrumentRegistry, Lifecycle
from backend.domain.intake.alert import Distance, DistanceUnit
from backend.domain.numbers import round_to_step
from backend.domain.sessions import is_open, session_of, session_tags
from backend.domain.timeframe import canonical_timeframe
from backend.values import OrderType, Side, to_utc


class NormalizeCode(StrEnum):
    """Why a signal could not be normalised."""

    SYMBOL_UNKNOWN = "SYMBOL_UNKNOWN"
    SYMBOL_NOT_TRADABLE = "SYMBOL_NOT_TRADABLE"
    TIMEFRAME_UNKNOWN = "TIMEFRAME_UNKNOWN"
    PRICE_MISSING = "PRICE_MISSING"
    """A limit or stop order without a price."""
    STOP_ON_WRONG_SIDE = "STOP_ON_WRONG_SIDE"
    TARGET_ON_WRONG_SIDE = "TARGET_ON_WRONG_SIDE"
    SOURCE_TIME_IN_FUTURE = "SOURCE_TIME_IN_FUTURE"
    ALERT_TOO_OLD = "ALERT_TOO_OLD"
    MARKET_CLOSED = "MARKET_CLOSED"


@dataclass(frozen=True, slots=True)
class NormalizePolicy:
    """What the pack says about signals."""

    default_timeframe: str
    source_age_s_max: int
    source_ahead_s_max: int
    """How far a sender's clock may run ahead of ours."""
    refuse_when_closed: bool


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
    """A signal that goes to a person, and why."""

    code: NormalizeCode
    detail: str


def normalize(
    facts: SignalFacts, registry: InstrumentRegistry, policy: NormalizePolicy
) -> Normalized | NotNormalized:
    """Put an understood alert into canonical form. Raises ValueError on a naive instant."""
    instrument = registry.resolve(facts.symbol_raw)
    if instrument is None:
        return NotNormalized(NormalizeCode.SYMBOL_UNKNOWN, facts.symbol_raw)
    if instrument.lifecycle is not Lifecycle.TRADABLE:
        detail = f"{instrument.symbol} is {instrument.lifecycle.value}"
        return NotNormalized(NormalizeCode.SYMBOL_NOT_TRADABLE, detail)
    received_at = to_utc(facts.received_at)
    refusal = _fault_in_time(facts, received_at, instrument, policy)
    if refusal is not None:
        return refusal
    notes: list[str] = []
    timeframe = canonical_timeframe(facts.timeframe)
    if timeframe is None and facts.timeframe is not None:
        return NotNormalized(NormalizeCode.TIMEFRAME_UNKNOWN, facts.timeframe)
    if timeframe is None:
        timeframe = policy.default_timeframe
        notes.append("timeframe not given: the policy's default")
    if facts.order_type is not OrderType.MARKET and facts.price is None:
        return NotNormalized(NormalizeCode.PRICE_MISSING, facts.order_type.value)
    price = _on_tick(facts.price, instrument)
    stop_loss = facts.stop_loss or price_at(
        facts.stop_distance, price, -facts.side.sign, instrument
    )
    take_profit = facts.take_profit or price_at(
        facts.take_distance, price, facts.side.sign, instrument
    )
    stop_loss, take_profit = _on_tick(stop_loss, instrument), _on_tick(take_profit, instrument)
    wrong = _fault_in_protection(facts.side, price, stop_loss, take_profit)
    if wrong is not None:
        return NotNormalized(wrong, f"{facts.side.value} price {price} {stop_loss} {take_profit}")
    return Normalized(
        instrument=instrument,
        side=facts.side,
        order_type=facts.order_type,
        price=price,
        stop_loss=stop_loss,
        take_profit=take_profit,
        timeframe=timeframe,
        session=session_of(received_at).value,
        session_tags=session_tags(received_at),
        source_time=facts.source_time,
        received_at=received_at,
        notes=tuple(notes),
    )


def price_at(
    distance: Distance | None, entry: Decimal | None, sign: int, instrument: Instrument
) -> Decimal | None:
    """Return the price that lies a distance above (+1) or below (-1) the entry.

    None if the distance or the entry is unknown, or if the price would not be positive.
    """
    if distance is None or entry is None:
        return None
    match distance.unit:
        case DistanceUnit.PIPS:
            offset = distance.value * instrument.pip_size
        case DistanceUnit.PERCENT:
            offset = entry * distance.value / 100
        case DistanceUnit.PRICE:
            offset = distance.value
    price = entry + sign * offset
    return price if price > 0 else None


def _fault_in_time(
    facts: SignalFacts, received_at: datetime, instrument: Instrument, policy: NormalizePolicy
) -> NotNormalized | None:
    if facts.source_time is not None:
        age = received_at - to_utc(facts.source_time)
        if age > timedelta(seconds=policy.source_age_s_max):
            return NotNormalized(NormalizeCode.ALERT_TOO_OLD, f"{int(age.total_seconds())} s old")
        if age < -timedelta(seconds=policy.source_ahead_s_max):
            detail = f"{int(-age.total_seconds())} s ahead"
            return NotNormalized(NormalizeCode.SOURCE_TIME_IN_FUTURE, detail)
    if policy.refuse_when_closed and not is_open(received_at, instrument.calendar):
        return NotNormalized(NormalizeCode.MARKET_CLOSED, instrument.symbol)
    return None


def _fault_in_protection(
    side: Side, price: Decimal | None, stop_loss: Decimal | None, take_profit: Decimal | None
) -> NormalizeCode | None:
    sign = side.sign
    if price is not None and stop_loss is not None and sign * (price - stop_loss) <= 0:
        return NormalizeCode.STOP_ON_WRONG_SIDE
    if price is not None and take_profit is not None and sign * (take_profit - price) <= 0:
        return NormalizeCode.TARGET_ON_WRONG_SIDE
    if stop_loss is not None and take_profit is not None and sign * (take_profit - stop_loss) <= 0:
        return NormalizeCode.STOP_ON_WRONG_SIDE
    return None


def _on_tick(price: Decimal | None, instrument: Instrument) -> Decimal | None:
    if price is None:
        return None
    rounded = round_to_step(price, instrument.tick_size)
    return rounded if rounded > 0 else None
