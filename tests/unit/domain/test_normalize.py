"""Symbols, sessions and timeframes in the desk's own words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.domain.instruments import InstrumentRegistry, Lifecycle
from backend.domain.intake import Distance, DistanceUnit
from backend.domain.market.universe import UNIVERSE, default_registry
from backend.domain.normalize import (
    NormalizeCode,
    Normalized,
    NormalizePolicy,
    NotNormalized,
    SignalFacts,
    normalize,
)
from backend.domain.sessions import Calendar, Session, is_open, session_of, session_tags
from backend.domain.timeframe import canonical_timeframe
from backend.values import OrderType, Side

NOON = datetime(2026, 11, 19, 14, 0, tzinfo=UTC)
POLICY = NormalizePolicy(
    "M15", source_age_s_max=900, source_ahead_s_max=30, refuse_when_closed=True
)


def a_signal(**changes: object) -> SignalFacts:
    facts = SignalFacts(
        "EURUSD", Side.BUY, OrderType.MARKET, Decimal("1.085"), None, None, "15", NOON, NOON
    )
    return replace(facts, **changes)


def code(**changes: object) -> NormalizeCode:
    found = normalize(a_signal(**changes), default_registry(), POLICY)
    assert isinstance(found, NotNormalized), found
    return found.code


@pytest.mark.parametrize(
    ("raw", "symbol"),
    [
        ("eurusd", "EURUSD"),
        ("OANDA:EURUSD", "EURUSD"),
        ("EUR/USD", "EURUSD"),
        ("EURUSD.m", "EURUSD"),
        ("EURUSDpro", "EURUSD"),
        ("#XAUUSD", "XAUUSD"),
        ("GOLD", "XAUUSD"),
        ("BINANCE:BTCUSDT.P", "BTCUSD"),
    ],
)
def test_spellings_lead_to_the_instrument(raw: str, symbol: str):
    found = default_registry().resolve(raw)
    assert found is not None
    assert found.symbol == symbol


@pytest.mark.parametrize("raw", ["EURUSX", "", "EUR", "USD", "XYZ:ABC", "EURUSDJPY"])
def test_unknown_spellings_lead_nowhere(raw: str):
    assert default_registry().resolve(raw) is None


def test_a_spelling_that_two_instruments_claim_leads_nowhere():
    twins = [
        replace(UNIVERSE[0], aliases=frozenset({"E"})),
        replace(UNIVERSE[1], aliases=frozenset({"E"})),
    ]
    assert InstrumentRegistry.of(twins).resolve("E") is None


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("15", "M15"), ("60", "H1"), ("240", "H4"), ("D", "D1"), ("1D", "D1"), ("W", "W1"),
        ("15m", "M15"), ("1h", "H1"), ("PERIOD_H4", "H4"), ("m5", "M5"), ("1M", None),
        ("7", None), ("", None), ("often", None), (None, None),
    ],
)  # fmt: skip
def test_timeframes_have_one_spelling(raw: str | None, canonical: str | None):
    assert canonical_timeframe(raw) == canonical


def test_london_opens_an_hour_earlier_in_utc_in_summer():
    assert "london" not in session_tags(datetime(2026, 1, 14, 7, 30, tzinfo=UTC))
    assert "london" in session_tags(datetime(2026, 7, 15, 7, 30, tzinfo=UTC))


def test_the_weeks_between_the_clock_changes_overlap_longer():
    # New York is already on summer time, London not yet: 12:30 UTC is 08:30 there.
    assert session_of(datetime(2026, 3, 18, 12, 30, tzinfo=UTC)) is Session.OVERLAP
    assert session_of(datetime(2026, 1, 14, 12, 30, tzinfo=UTC)) is Session.LONDON


def test_the_week_ends_on_friday_at_five_in_new_york():
    assert is_open(datetime(2026, 11, 20, 21, 59, tzinfo=UTC), Calendar.WEEKDAYS)
    assert not is_open(datetime(2026, 11, 20, 22, 0, tzinfo=UTC), Calendar.WEEKDAYS)
    assert is_open(datetime(2026, 11, 22, 22, 0, tzinfo=UTC), Calendar.WEEKDAYS)
    assert is_open(datetime(2026, 11, 21, 12, 0, tzinfo=UTC), Calendar.ALWAYS)


def test_a_signal_is_put_into_canonical_form():
    facts = a_signal(symbol_raw="OANDA:EURUSD", stop_loss=Decimal("1.0801234"))
    found = normalize(facts, default_registry(), POLICY)
    assert isinstance(found, Normalized)
    assert (found.instrument.symbol, found.timeframe, found.session) == ("EURUSD", "M15", "overlap")
    assert found.stop_loss == Decimal("1.08012")


def test_a_distance_becomes_a_price_on_the_right_side():
    facts = a_signal(
        side=Side.SELL,
        stop_distance=Distance(Decimal(20), DistanceUnit.PIPS),
        take_distance=Distance(Decimal(1), DistanceUnit.PERCENT),
    )
    found = normalize(facts, default_registry(), POLICY)
    assert isinstance(found, Normalized)
    assert (found.stop_loss, found.take_profit) == (Decimal("1.08700"), Decimal("1.07415"))


def test_what_cannot_be_normalised_says_why():
    assert code(symbol_raw="NOPE") is NormalizeCode.SYMBOL_UNKNOWN
    assert code(timeframe="13") is NormalizeCode.TIMEFRAME_UNKNOWN
    assert code(order_type=OrderType.LIMIT, price=None) is NormalizeCode.PRICE_MISSING
    assert code(stop_loss=Decimal("1.09")) is NormalizeCode.STOP_ON_WRONG_SIDE
    assert code(take_profit=Decimal("1.08")) is NormalizeCode.TARGET_ON_WRONG_SIDE
    assert code(source_time=NOON - timedelta(hours=1)) is NormalizeCode.ALERT_TOO_OLD
    assert code(source_time=NOON + timedelta(hours=1)) is NormalizeCode.SOURCE_TIME_IN_FUTURE
    saturday = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    assert code(received_at=saturday, source_time=None) is NormalizeCode.MARKET_CLOSED


def test_an_instrument_that_is_only_watched_does_not_trade():
    watched = InstrumentRegistry.of([replace(UNIVERSE[0], lifecycle=Lifecycle.WATCHLIST_ONLY)])
    found = normalize(a_signal(), watched, POLICY)
    assert isinstance(found, NotNormalized)
    assert found.code is NormalizeCode.SYMBOL_NOT_TRADABLE
