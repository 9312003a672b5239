"""Every difference between what was authorised and what happened is a finding."""

from __future__ import annotations

from typing import Any

from backend.contracts.oversight import ComplianceAlert
from backend.values import Severity
from tests.kit.messages import a_cover_event, a_fill, an_order_event
from tests.kit.signals import POLICY_HASH, a_context, a_message
from workers.agent import Decision
from workers.agents import compliance

POLICY: dict[str, Any] = {
    "slippage_bps_warn": "2",
    "slippage_bps_critical": "10",
    "latency_ms_warn": 120,
    "commission_bps_max": "1",
    "clock_skew_s_max": 5,
}
AT = "2026-03-04T10:00:00+00:00"


def facts(fill: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "fill": {
            "fill_id": "x",
            "side": "BUY",
            "quantity": "1",
            "price": "1.1",
            "commission": "3.5",
            "slippage_bps": "0.5",
            "latency_ms": 5,
            "filled_at": AT,
            "recorded_at": AT,
            "value_per_point": "100000",
            **(fill or {}),
        },
        "filled_total": "1",
        "order": {
            "quantity": "1",
            "side": "BUY",
            "status": "filled",
            "status_reason": None,
            "limit_price": None,
            "stop_loss": "1.09",
            "reduce_only": False,
            "policy_hash": POLICY_HASH,
            "policy_known": True,
        },
        "intent": {
            "kind": "allocate",
            "state": "ordered",
            "side": "BUY",
            "authorized_quantity": "1",
        },
        "stop_loss_required": True,
        "calendar": "always",
        "halted_since": None,
        "policy": POLICY,
        "policy_hash": POLICY_HASH,
        **changes,
    }


def judge(payload: Any, known: dict[str, Any]) -> Decision:
    return compliance.handle(a_message(payload), known, a_context("compliance"))


def rules(decision: Decision) -> dict[str, Severity]:
    alerts = [emission.payload for emission in decision.emissions]
    assert len(decision.effects) == len(alerts)
    return {a.rule_id: a.severity for a in alerts if isinstance(a, ComplianceAlert)}


def test_clean_fill_leaves_a_trace_and_no_finding():
    decision = judge(a_fill(), facts())
    assert (decision.outcome, decision.effects, decision.emissions) == ("clean", (), ())
    assert "every rule holds" in decision.explanation


def test_more_than_the_order_is_more_than_was_authorised():
    assert rules(judge(a_fill(), facts(filled_total="1.2"))) == {
        "fill.over_authorized": Severity.CRITICAL
    }


def test_fill_without_an_intent_is_critical():
    found = rules(judge(a_fill(), facts(intent=None)))
    assert found == {"fill.without_authority": Severity.CRITICAL}


def test_slippage_without_a_rate_and_latency_are_findings_of_their_own():
    known = facts({"slippage_bps": "12", "latency_ms": 900, "value_per_point": None})
    assert rules(judge(a_fill(), known)) == {
        "fill.slippage": Severity.CRITICAL,
        "fill.latency": Severity.INFO,
        "fill.money_unknown": Severity.CRITICAL,
    }


def test_pack_without_compliance_numbers_makes_every_fill_a_finding():
    assert rules(judge(a_fill(), facts(policy=None))) == {
        "policy.compliance_missing": Severity.CRITICAL
    }


def test_event_without_a_row_behind_it_is_critical():
    missing = facts() | {"fill": None, "order": None}
    assert rules(judge(a_fill(), missing)) == {"fill.not_booked": Severity.CRITICAL}
    assert rules(judge(an_order_event(), missing)) == {"order.unknown": Severity.CRITICAL}


def test_unanswered_and_unsent_orders_are_findings_and_filled_ones_are_not():
    unknown = an_order_event(status="unknown", code="TR416")
    unsent = an_order_event(status="not_sent", code="TR417")
    filled = an_order_event(status="filled", code=None)
    assert rules(judge(unknown, facts())) == {"order.unanswered": Severity.WARN}
    assert rules(judge(unsent, facts())) == {"order.not_sent": Severity.WARN}
    assert rules(judge(filled, facts())) == {}


def test_residual_that_stays_open_is_a_finding():
    covered = {"action": "none", "cover_intent_id": None}
    halted = a_cover_event(**covered, reason_code="HALTED", residual_after="22000")
    meant = a_cover_event(**covered, reason_code="WITHIN_LIMIT", residual_after="0")
    assert rules(judge(halted, facts())) == {"hedge.residual_open": Severity.WARN}
    assert rules(judge(meant, facts())) == {}


def test_same_event_finds_the_same_under_the_same_ids():
    first, again = (judge(a_fill(), facts(intent=None)).effects for _ in range(2))
    assert first == again


def test_a_halt_may_be_lifted_once_nothing_critical_was_found_under_it():
    ballot = {"proposal_id": "019b0000-0000-7000-8000-0000000000aa", "kind": "lift_halt"}
    for findings, expected in ((0, "approve"), (2, "refuse")):
        known = {"ballots": [ballot | {"critical_findings": findings}], "policy_hash": POLICY_HASH}
        (effect,) = compliance.handle_tick(known, a_context("compliance")).effects
        assert (effect.procedure, effect.item["decision"]) == ("governance.cast_votes", expected)
    others = {"ballots": [ballot | {"kind": "policy", "critical_findings": None}]}
    decision = compliance.handle_tick(others | {"policy_hash": None}, a_context("compliance"))
    assert decision.outcome == "nothing_to_judge"
