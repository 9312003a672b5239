"""The optimizer proposes what the evidence carries, once, and never applies anything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from tests.kit.signals import POLICY_HASH, a_context
from workers.agents import optimizer

CONTEXT = a_context("optimizer")
POLICY = {"trades_min": 5, "z": "1.96", "step_max": "0.1"}


def delta(slippage: str = "2", delta_r: str = "-0.4", closed_by: str = "target") -> dict[str, Any]:
    return {
        "predicted": {"r": "0.5", "slippage_bps": "1", "probability": "0.6"},
        "realized": {
            "realized_r": "0.1",
            "delta_r": delta_r,
            "slippage_delta_bps": slippage,
            "brier": None,
            "latency_delta_ms": 3,
            "fill_ratio": "1",
            "held_s": 60,
            "label": "win",
            "closed_by": closed_by,
        },
    }


def deltas(**changes: Any) -> list[dict[str, Any]]:
    return [delta(slippage=str(2 + n % 2), **changes) for n in range(6)]


def decide(rows: list[dict[str, Any]], *, asked: tuple[str, ...] = (), **changes: Any) -> Any:
    known = {
        "policy": POLICY,
        "edge_min": "0.1",
        "policy_hash": POLICY_HASH,
        "organizations": [{"org_id": "demo", "deltas": rows, "shadows": [], "asked": list(asked)}],
    }
    return optimizer.handle_tick(known | changes, CONTEXT)


def proposals(decision: Any) -> dict[str, Any]:
    return {effect.item["payload"]["parameter"]: effect.item for effect in decision.effects}


def test_slippage_above_its_expectation_becomes_a_proposal_with_evidence():
    found = proposals(decide(deltas(closed_by="other")))
    assert set(found) == {"execution.slippage_expected_bps"}
    item = found["execution.slippage_expected_bps"]
    assert item["subject"] == "demo/execution.slippage_expected_bps"
    assert item["payload"]["current"] == "1.000000"
    # The step is bounded: a tenth of the current number, however far off it is.
    assert Decimal(item["payload"]["proposed"]) == Decimal("1.1")
    assert item["evidence"]["measures"][0]["n"] == 6


def test_profit_that_falls_short_raises_the_edge_threshold():
    rows = [delta(delta_r=str(Decimal("-0.4") - Decimal(n % 2) / 10)) for n in range(6)]
    item = proposals(decide(rows))["routing.edge_min"]
    assert Decimal(item["payload"]["proposed"]) == Decimal("0.11")
    assert "falls short" in item["evidence"]["reason"]


def test_a_position_that_is_still_open_is_no_shortfall():
    assert "routing.edge_min" not in proposals(decide(deltas(closed_by="other")))


def test_what_was_asked_lately_is_not_asked_again():
    asked = ("demo/execution.slippage_expected_bps", "demo/routing.edge_min")
    decision = decide(deltas(), asked=asked)
    assert (decision.outcome, decision.effects) == ("nothing_to_propose", ())


def test_too_few_trades_propose_nothing():
    assert decide(deltas()[:4]).effects == ()


def test_an_order_without_a_prediction_teaches_nothing():
    assert decide([{"predicted": {}, "realized": {}}] * 9).effects == ()


def test_without_a_pack_nothing_is_proposed():
    decision = decide(deltas(), policy=None)
    assert (decision.code, decision.effects) == (Code.POLICY_MISSING, ())


def test_the_retrospective_asks_for_more_than_the_minute_does():
    now = CONTEXT.now
    few, many = optimizer.ask_tick(now), optimizer.ask_retrospective(now)
    assert many["deltas_max"] > few["deltas_max"]
