"""The normalizer says what an alert means, and asks a person where it would have to guess."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backend.contracts.denials import Code
from backend.values import FinalOutcome, OrderType
from tests.kit.signals import (
    INTAKE_POLICY,
    NOW,
    POLICY_HASH,
    SIGNAL_ID,
    a_context,
    a_message,
    a_raw_signal,
)
from workers.agents import normalizer

CONTEXT = a_context("normalizer")
EURUSD: dict[str, Any] = {
    "symbol": "EURUSD",
    "symbol_class": "fx",
    "base_currency": "EUR",
    "quote_currency": "USD",
    "digits": 5,
    "tick_size": "0.00001",
    "pip_size": "0.0001",
    "contract_size": "100000",
    "volume_min": "0.01",
    "volume_max": "100",
    "volume_step": "0.01",
    "calendar": "weekdays",
    "state": "tradable",
    "aliases": ["EUR/USD"],
}


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "instruments": [EURUSD],
        "distances": {"stop": None, "take": None},
        "quotes": None,
        "max_age_ms": 300_000,
        "signal_id": None,
        "approved": [],
        "policy": INTAKE_POLICY,
        "policy_hash": POLICY_HASH,
    } | changes


def decide(known: dict[str, Any], **signal: Any) -> Any:
    return normalizer.handle(a_message(a_raw_signal(**signal)), known, CONTEXT)


def test_signal_is_put_into_the_desks_own_words():
    decision = decide(facts(), symbol_raw="EURUSD.m", price=Decimal("1.100004"))
    (emission,) = decision.emissions
    signal = emission.payload
    assert (signal.symbol, signal.timeframe, signal.session) == ("EURUSD", "M15", "london")
    assert signal.price == Decimal("1.10000")
    assert emission.ordering_key == "EURUSD"
    (effect,) = decision.effects
    assert effect.procedure == "intake.record_normalized"
    assert effect.item["signal_id"] == str(signal.signal_id)
    assert decision.policy_hash == POLICY_HASH


def test_missing_timeframe_takes_the_policys_default_and_says_so():
    decision = decide(facts(), timeframe=None)
    assert decision.emissions[0].payload.timeframe == "M15"
    assert "default" in decision.explanation


def test_distance_becomes_a_price_by_the_instruments_pip():
    distances = {"stop": {"value": "20", "unit": "pips"}, "take": None}
    decision = decide(facts(distances=distances))
    assert decision.emissions[0].payload.stop_loss == Decimal("1.09800")


def test_pips_of_an_instrument_without_pips_go_to_a_person():
    distances = {"stop": {"value": "20", "unit": "pips"}, "take": None}
    decision = decide(facts(distances=distances, instruments=[EURUSD | {"pip_size": None}]))
    assert decision.code is Code.NOT_UNDERSTOOD
    assert "pips" in decision.explanation


@pytest.mark.parametrize(
    ("known", "signal", "code"),
    [
        ({"instruments": []}, {"symbol_raw": "NOSUCH"}, Code.SYMBOL_UNKNOWN),
        ({}, {"timeframe": "7h"}, Code.TIMEFRAME_UNKNOWN),
        ({}, {"order_type": OrderType.LIMIT, "price": None}, Code.ORDER_PRICE_MISSING),
        ({}, {"stop_loss": Decimal("1.2")}, Code.STOP_ON_WRONG_SIDE),
        ({}, {"take_profit": Decimal("1.0")}, Code.TARGET_ON_WRONG_SIDE),
        ({}, {"source_time": NOW - timedelta(minutes=6)}, Code.ALERT_TOO_OLD),
        ({"max_age_ms": 1_000}, {}, Code.ALERT_TOO_OLD),
        ({}, {"source_time": NOW + timedelta(minutes=6)}, Code.SOURCE_TIME_IN_FUTURE),
    ],
)
def test_what_would_need_a_guess_goes_to_a_person(
    known: dict[str, Any], signal: dict[str, Any], code: Code
):
    decision = decide(facts(**known), **signal)
    assert decision.code is code
    assert decision.final is FinalOutcome.IN_REVIEW
    assert decision.emissions == ()
    assert decision.effects[0].item["kind"] == "alert"


@pytest.mark.parametrize(
    ("known", "signal", "code"),
    [
        ({"instruments": [EURUSD | {"state": "watchlist_only"}]}, {}, Code.SYMBOL_NOT_TRADABLE),
        (
            {},
            {"received_at": datetime(2026, 3, 7, 12, tzinfo=UTC), "source_time": None},
            Code.MARKET_CLOSED,
        ),
        ({"policy": None}, {}, Code.POLICY_MISSING),
        ({"policy": {"default_timeframe": "M15"}}, {}, Code.POLICY_MISSING),
        ({"max_age_ms": None}, {}, Code.POLICY_MISSING),
    ],
)
def test_what_may_not_trade_is_denied(known: dict[str, Any], signal: dict[str, Any], code: Code):
    decision = decide(facts(**known), **signal)
    assert decision.code is code
    assert decision.final is FinalOutcome.DENIED
    assert decision.emissions == decision.effects == ()


def test_old_alert_that_a_person_approved_goes_on():
    old = NOW - timedelta(hours=5)
    decision = decide(facts(approved=["TR228"]), source_time=old)
    assert decision.outcome == "normalized"
    assert decision.emissions[0].payload.source_time == old


def test_crypto_trades_at_the_weekend():
    weekend = datetime(2026, 3, 7, 12, tzinfo=UTC)
    known = facts(instruments=[EURUSD | {"calendar": "always"}])
    assert decide(known, received_at=weekend, source_time=None).outcome == "normalized"


def test_alert_that_was_normalised_before_makes_no_second_signal():
    decision = decide(facts(signal_id=str(SIGNAL_ID)))
    assert decision.outcome == "repeated"
    assert decision.emissions == decision.effects == ()
    assert decision.final is None
