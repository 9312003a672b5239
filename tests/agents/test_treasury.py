"""The treasury says what it is worth and what that allows, and stops where it does not know."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.values import format_instant
from tests.kit.signals import NOW, POLICY_HASH, a_context
from workers.agents import treasury

CONTEXT = a_context("treasury")
POLICY = {"buffer_min_fraction": "0.2", "utilization_max": "0.8", "age_s_max": 60}


def organization(**changes: Any) -> dict[str, Any]:
    held = {
        "currency": "USD",
        "cash": "100000",
        "equity": "101000",
        "rate": "1",
        "as_of": format_instant(NOW),
    }
    return {
        "org_id": "demo",
        "currency": "USD",
        "balances": [held],
        "gross_exposure": "300000",
        "last": None,
    } | changes


def last(**changes: Any) -> dict[str, Any]:
    return {
        "currency": "USD",
        "nav": "101000",
        "utilization": "0.1",
        "throttle": "1",
        "reasons": [],
        "policy_hash": POLICY_HASH,
        "recorded_at": format_instant(NOW - timedelta(seconds=5)),
    } | changes


def decide(*organizations: dict[str, Any], policy: Any = POLICY) -> Any:
    known = {
        "organizations": list(organizations),
        "policy": policy,
        "margin_rate": "0.0333333333",
        "policy_hash": POLICY_HASH,
    }
    return treasury.handle_tick(known, CONTEXT)


def status_of(decision: Any) -> Any:
    (emission,) = decision.emissions
    return emission.payload


def test_first_status_is_published_recorded_and_explained():
    decision = decide(organization())
    status = status_of(decision)
    assert status.nav == Decimal(101_000)
    assert status.buffer_min == Decimal("20200.0")
    assert status.throttle == Decimal(1)
    assert decision.effects[0].item["org_id"] == "demo"
    assert decision.emissions[0].ordering_key == "demo"
    assert "demo: first status, nav 101000.00 USD" in decision.explanation
    assert not decision.quiet


def test_nothing_new_is_not_said_again_at_once():
    decision = decide(organization(last=last()))
    assert (decision.outcome, decision.effects, decision.emissions) == ("unchanged", (), ())


def test_after_half_a_minute_it_is_said_again_without_a_trace():
    earlier = format_instant(NOW - timedelta(seconds=30))
    decision = decide(organization(last=last(recorded_at=earlier)))
    assert len(decision.emissions) == 1
    assert decision.quiet


def test_a_loss_of_more_than_one_percent_is_news():
    decision = decide(organization(last=last(nav="103000")))
    assert "nav from 103000.00 to 101000.00 USD" in decision.explanation


def test_spent_cash_throttles_and_says_why():
    decision = decide(organization(gross_exposure="2100000", last=last()))
    assert status_of(decision).throttle < 1
    assert "BUFFER_LOW" in decision.explanation


def test_exposure_that_cannot_be_valued_stops_everything():
    decision = decide(organization(gross_exposure=None, last=last()))
    assert status_of(decision).throttle == 0
    assert status_of(decision).utilization == 1
    assert "EXPOSURE_UNVALUED" in decision.explanation


def test_stale_balances_stop_everything():
    held = organization()["balances"][0] | {"as_of": format_instant(NOW - timedelta(minutes=5))}
    decision = decide(organization(balances=[held], last=last()))
    assert status_of(decision).throttle == 0
    assert "BALANCES_STALE" in decision.explanation


def test_cash_without_a_rate_counts_nothing():
    foreign = organization()["balances"][0] | {"currency": "TRY", "rate": None}
    decision = decide(organization(balances=[*organization()["balances"], foreign]))
    assert status_of(decision).nav == Decimal(101_000)
    assert "RATE_MISSING:TRY" in decision.explanation


def test_without_a_pack_no_status_is_published():
    decision = decide(organization(), policy=None)
    assert (decision.outcome, decision.code) == ("not_judged", Code.POLICY_MISSING)
    assert decision.emissions == ()
