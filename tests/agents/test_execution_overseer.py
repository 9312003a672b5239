"""The overseer judges every venue and symbol, and speaks up when that changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.values import format_instant
from tests.kit.signals import HEALTH_POLICY, NOW, POLICY_HASH, a_context, later
from workers.agents import execution_overseer

CONTEXT = a_context("execution_overseer")


def pair(**changes: Any) -> dict[str, Any]:
    return {
        "venue_id": "mt5-paper",
        "symbol": "EURUSD",
        "bid": "1.10000",
        "ask": "1.10010",
        "quoted_at": format_instant(NOW),
        "sent": 0,
        "rejected": 0,
        "unanswered": 0,
        "unreachable": False,
        "latency_p95_ms": None,
        "open_risk": "0",
        "halted": False,
        "before": None,
    } | changes


def before(**changes: Any) -> dict[str, Any]:
    return {
        "fill_confidence": "1.000000",
        "throttle_per_minute": 60,
        "debt_to_risk": "0",
        "spread_bps": "0.9091",
        "as_of": format_instant(NOW),
    } | changes


def decide(
    *pairs: dict[str, Any],
    policy: Any = HEALTH_POLICY,
    context: Any = CONTEXT,
    ballots: Sequence[Any] = (),
) -> Any:
    known = {"pairs": list(pairs), "ballots": list(ballots), "policy": policy}
    known["policy_hash"] = POLICY_HASH
    return execution_overseer.handle_tick(known, context)


def health_of(decision: Any) -> Any:
    (emission,) = decision.emissions
    return emission.payload


def test_first_look_at_a_healthy_venue_is_recorded_and_announced():
    decision = decide(pair())
    health = health_of(decision)
    assert health.fill_confidence == Decimal(1)
    assert health.throttle_per_minute == 60
    assert decision.effects[0].item["symbol"] == "EURUSD"
    assert decision.policy_hash == POLICY_HASH


def test_missing_stale_and_halted_have_no_confidence():
    for change in (
        {"bid": None, "ask": None, "quoted_at": None},
        {"quoted_at": format_instant(NOW - timedelta(minutes=1))},
        {"halted": True},
    ):
        decision = decide(pair(**change))
        assert health_of(decision).fill_confidence == 0
        assert "EURUSD at mt5-paper" in decision.explanation


def test_rejections_and_latency_lower_the_confidence():
    clean = health_of(decide(pair(sent=100))).fill_confidence
    rejecting = health_of(decide(pair(sent=100, rejected=20))).fill_confidence
    slow = health_of(decide(pair(sent=100, latency_p95_ms=450))).fill_confidence
    silent = health_of(decide(pair(sent=100, unanswered=20)))
    assert rejecting == silent.fill_confidence < clean
    assert silent.rejection_rate > 0
    assert slow < clean


def test_without_a_risk_budget_nothing_may_be_sent():
    policy = {name: value for name, value in HEALTH_POLICY.items() if name != "open_risk_max"}
    assert health_of(decide(pair(), policy=policy)).throttle_per_minute == 0


def test_nothing_new_is_neither_recorded_nor_announced():
    decision = decide(pair(before=before()), context=later(CONTEXT, seconds=1))
    assert decision.outcome == "unchanged"
    assert decision.effects == decision.emissions == ()


def test_what_grows_old_is_recorded_without_being_announced():
    now = later(CONTEXT, seconds=6)
    quoted = format_instant(now.now)
    held = before(as_of=format_instant(NOW + timedelta(seconds=1)))
    decision = decide(pair(before=held, quoted_at=quoted), context=now)
    assert decision.outcome == "judged"
    assert len(decision.effects) == 1
    assert decision.emissions == ()


def test_material_change_is_announced_at_once():
    decision = decide(pair(before=before(), halted=True), context=later(CONTEXT, seconds=1))
    assert health_of(decision).fill_confidence == 0


def test_health_is_repeated_every_half_minute():
    held = before(as_of=format_instant(NOW - timedelta(seconds=1)))
    assert len(decide(pair(before=held)).emissions) == 1


def test_without_a_policy_no_health_is_reported():
    decision = decide(pair(), policy=None)
    assert decision.code is Code.POLICY_MISSING
    assert decision.effects == decision.emissions == ()
    assert decision.final is None


def a_ballot(**changes: Any) -> dict[str, Any]:
    return {
        "proposal_id": "019b0000-0000-7000-8000-0000000000aa",
        "kind": "high_risk_intent",
        "venue_id": "mt5-paper",
        "symbol": "EURUSD",
    } | changes


def vote_of(decision: Any) -> str | None:
    votes = [e.item["decision"] for e in decision.effects if e.procedure == "governance.cast_votes"]
    return votes[0] if votes else None


def test_an_intent_is_approved_where_the_venue_fills_and_refused_where_it_does_not():
    assert vote_of(decide(pair(), ballots=[a_ballot()])) == "approve"
    assert vote_of(decide(pair(halted=True), ballots=[a_ballot()])) == "refuse"
    assert vote_of(decide(pair(), ballots=[a_ballot(symbol="GBPUSD")])) is None


def test_a_vote_is_cast_also_when_the_health_is_no_news():
    decision = decide(pair(before=before()), ballots=[a_ballot()])
    assert vote_of(decision) == "approve"
