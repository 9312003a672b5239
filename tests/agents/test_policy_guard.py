"""Policy guard routes the routine, asks people about the rest, and denies what does not match."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from typing import Any

import pytest

from backend.contracts.denials import Code
from backend.contracts.orders import RouteIntent
from backend.policies import PACKS
from backend.values import FinalOutcome, OrderType, TimeInForce, format_instant
from tests.kit.messages import a_risk_context
from tests.kit.signals import NOW, a_context, a_message
from workers.agents import policy_guard

PACK = tomllib.loads((PACKS / "default.toml").read_text())
CONTEXT = a_context("policy_guard")
HASH = a_risk_context().policy_hash


def an_intent(**changes: Any) -> dict[str, Any]:
    return {
        "state": "authorized",
        "policy_hash": HASH,
        "kind": "allocate",
        "authorized_quantity": "0.20",
        "notional": "21700",
        "risk_level": "LOW",
        "highest_utilization": "0.22",
        "expires_at": format_instant(NOW + timedelta(seconds=30)),
        "mode": "paper",
    } | changes


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "intent": an_intent(),
        "full_limits": [],
        "approved_by": None,
        "halt": None,
        "modes": ["paper"],
        "authority": PACK["authority"],
        "execution": PACK["execution"],
        "policy_hash": HASH,
    } | changes


def decide(known: dict[str, Any], **risk: Any) -> Any:
    return policy_guard.handle(a_message(a_risk_context(**risk)), known, CONTEXT)


def test_a_routine_intent_is_routed_under_the_packs_hash() -> None:
    decision = decide(facts())
    (emission,) = decision.emissions
    route = emission.payload
    assert isinstance(route, RouteIntent)
    assert decision.outcome == "routed"
    assert (route.policy_hash, route.price_limit) == (HASH, None)
    assert route.policy_decision_id == CONTEXT.new_id("trace")
    assert not decision.effects


def test_a_limit_order_keeps_its_price_and_works_for_the_day() -> None:
    (emission,) = decide(facts(), order_type=OrderType.LIMIT).emissions
    route = emission.payload
    assert route.price_limit == route.reference_price
    assert route.time_in_force is TimeInForce.DAY


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"risk_level": "CRITICAL"}, "RISK_CRITICAL"),
        ({"notional": "500000.01"}, "NOTIONAL_HIGH"),
        ({"highest_utilization": "0.8"}, "LIMIT_NEARLY_FULL"),
    ],
)
def test_a_high_risk_intent_waits_for_a_person(change: dict[str, Any], word: str) -> None:
    decision = decide(facts(intent=an_intent(**change)))
    (effect,) = decision.effects
    assert decision.final is FinalOutcome.AWAITING_VOTE
    assert not decision.emissions
    assert effect.procedure == "governance.request_approvals"
    assert effect.item["payload"]["reasons"] == [word]


def test_what_a_vote_approved_is_routed_however_large() -> None:
    high = facts(intent=an_intent(notional="900000"), approved_by="some-proposal")
    decision = decide(high)
    assert decision.outcome == "routed"
    assert "some-proposal" in decision.explanation


@pytest.mark.parametrize(
    ("known", "code", "final"),
    [
        (facts(policy_hash=None), Code.POLICY_MISSING, FinalOutcome.DENIED),
        (facts(intent=None), Code.ORDER_NOT_AUTHORIZED, FinalOutcome.DENIED),
        (facts(policy_hash="0" * 64), Code.POLICY_HASH_MISMATCH, FinalOutcome.DENIED),
        (
            facts(intent=an_intent(policy_hash="0" * 64)),
            Code.POLICY_HASH_MISMATCH,
            FinalOutcome.DENIED,
        ),
        (
            facts(intent=an_intent(authorized_quantity="0.10")),
            Code.ORDER_NOT_AUTHORIZED,
            FinalOutcome.DENIED,
        ),
        (facts(modes=["live"]), Code.MODE_NOT_ALLOWED, FinalOutcome.DENIED),
        (facts(halt="some-halt"), Code.HALTED, FinalOutcome.DENIED),
        (
            facts(intent=an_intent(expires_at=format_instant(NOW))),
            Code.INTENT_EXPIRED,
            FinalOutcome.EXPIRED,
        ),
    ],
)
def test_what_does_not_match_the_record_is_not_routed(
    known: dict[str, Any], code: Code, final: FinalOutcome
) -> None:
    decision = decide(known)
    assert (decision.code, decision.final) == (code, final)
    assert not decision.emissions
    holds = known["intent"] is not None and known["intent"]["state"] == "authorized"
    assert [(e.procedure, e.item["code"]) for e in decision.effects] == (
        [("risk.refuse_intents", code.value)] if holds else []
    )


def test_a_reduce_only_intent_passes_a_halt() -> None:
    assert decide(facts(halt="some-halt"), reduce_only=True).outcome == "routed"


def test_an_intent_that_was_dealt_with_is_left_alone() -> None:
    decision = decide(facts(intent=an_intent(state="ordered")))
    assert decision.outcome == "repeated"
    assert not decision.emissions


def test_a_cover_that_waits_or_is_denied_ends_nobodys_alert() -> None:
    for change in ({"notional": "900000"}, {"authorized_quantity": "0.1"}):
        decision = decide(facts(intent=an_intent(kind="cover", **change)))
        assert decision.outcome in ("awaiting_vote", "denied")
        assert decision.final is None
