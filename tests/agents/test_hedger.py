"""What was filled beyond an order is covered through authority; what was meant is left alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from backend.contracts.portfolio import CoverEvent, CoverIntent
from backend.values import Side
from tests.kit.messages import a_fill
from tests.kit.signals import POLICY_HASH, a_context, a_message
from workers.agents import hedger

INSTRUMENT = {
    "notional_per_lot": "110000",
    "bid": "1.0999",
    "ask": "1.1001",
    "volume_min": "0.01",
    "volume_max": "100",
    "volume_step": "0.01",
}


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "equity": "100000",
        "currency": "USD",
        "venue_id": "mt5-paper",
        "mode": "paper",
        "exposures": {"EURUSD": "220000"},
        "unvalued": [],
        "instruments": {"EURUSD": INSTRUMENT},
        "excess": "0",
        "halted": False,
        "covers": False,
        "policy": {"residual_max": "0.01", "residual_target": "0.005"},
        "policy_hash": POLICY_HASH,
        **changes,
    }


def handle(**changes: Any) -> Any:
    fill = a_fill(symbol="EURUSD", side="BUY", account_id="paper-1")
    return hedger.handle(a_message(fill), facts(**changes), a_context("hedger"))


def only_event(decision: Any) -> CoverEvent:
    (emission,) = decision.emissions
    assert isinstance(emission.payload, CoverEvent)
    return emission.payload


def test_position_that_was_authorised_is_not_covered():
    decision = handle()
    event = only_event(decision)
    assert (decision.outcome, event.action, event.reason_code) == ("none", "none", "WITHIN_LIMIT")
    assert event.residual_before == 0


def test_lots_beyond_the_order_are_covered_by_an_intent_that_asks_for_authority():
    decision = handle(excess="0.2")
    intent, event = (emission.payload for emission in decision.emissions)
    assert isinstance(intent, CoverIntent)
    assert isinstance(event, CoverEvent)
    assert (intent.side, intent.quantity, intent.reduce_only) == (Side.SELL, Decimal("0.19"), True)
    assert intent.reference_price == Decimal("1.0999")
    assert event.cover_intent_id == intent.intent_id
    assert event.residual_before == intent.residual_exposure == Decimal(22_000)
    assert abs(event.residual_after) < Decimal(2_000)


def test_repeated_fill_proposes_the_same_intent():
    first, again = (handle(excess="0.2").emissions[0].payload for _ in range(2))
    assert first == again


def test_cover_of_a_cover_is_not_proposed():
    assert only_event(handle(covers=True, excess="0.2")).reason_code == "IS_COVER"


def test_halt_leaves_the_residual_open_and_says_so():
    event = only_event(handle(excess="0.2", halted=True))
    assert (event.reason_code, event.residual_after) == ("HALTED", Decimal(22_000))


def test_missing_facts_propose_nothing():
    assert only_event(handle(policy=None)).reason_code == "POLICY_MISSING"
    assert only_event(handle(equity=None)).reason_code == "ACCOUNT_MISSING"
    assert only_event(handle(instruments={}, excess="0.2")).residual_before != 0
    no_quote = {"EURUSD": {**INSTRUMENT, "notional_per_lot": None, "bid": None, "ask": None}}
    event = only_event(handle(instruments=no_quote, excess="5000"))
    assert event.reason_code == "PRICE_MISSING"


def test_basket_of_the_pack_is_covered_as_a_whole():
    basket = {"name": "dollar", "hedge_symbol": "EURUSD", "betas": {"EURUSD": "1", "GBPUSD": "0.9"}}
    policy = {"residual_max": "0.5", "residual_target": "0.1", "baskets": [basket]}
    decision = handle(policy=policy, exposures={"EURUSD": "50000", "GBPUSD": "100000"})
    intent = decision.emissions[0].payload
    assert intent.residual_exposure == Decimal(140_000)
    assert (intent.side, intent.quantity) == (Side.SELL, Decimal("1.18"))
