"""What the signal agents keep, and who may call what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from tests.kit.signal_rows import (
    As,
    a_rationale,
    normalized,
)
from tests.kit.signals import NOW
from tests.kit.trading_desk import ask, rows


def test_one_alert_makes_one_signal(as_role: As, inside: Connection[Any]):
    signal = normalized(as_role)
    for again in (signal, signal | {"signal_id": uuid4()}):
        ask(as_role("normalizer_agent"), "intake.record_normalized", again)
    assert rows(inside, "select signal_id from signals_normalized") == [(signal["signal_id"],)]


def test_rationale_passes_by_its_own_threshold(as_role: As, inside: Connection[Any]):
    passed, missed = (a_rationale(normalized(as_role), score=s) for s in ("0.55", "0.549"))
    scorer = as_role("rationale_scorer_agent")
    ask(scorer, "intake.record_rationales", passed, missed)
    ask(scorer, "intake.record_rationales", passed | {"score": "0.1", "rationale_id": uuid4()})
    assert rows(inside, "select score::text, passed from strategy_rationales order by 1") == [
        ("0.549", False),
        ("0.55", True),
    ]


def test_hypothesis_is_kept_once(as_role: As, inside: Connection[Any]):
    item = {
        "hypothesis_id": uuid4(),
        "signal_id": uuid4(),
        "rationale_id": uuid4(),
        "correlation_id": uuid4(),
        "org_id": "demo",
        "symbol": "EURUSD",
        "side": "BUY",
        "probability": "0.4",
        "evidence": [{"feature": "edge", "weight": "0.2"}],
        "window_opens_at": NOW,
        "window_closes_at": NOW + timedelta(hours=1),
        "latency_class": "defer",
        "created_at": NOW,
    }
    for _ in range(2):
        ask(as_role("strategy_analyst_agent"), "intake.record_hypotheses", item)
    assert rows(inside, "select probability::text from hypotheses") == [("0.4",)]


@pytest.mark.parametrize(
    ("procedure", "may"),
    [
        ("intake.alert_facts", {"intake_agent"}),
        ("intake.normalization_facts", {"normalizer_agent"}),
        ("intake.record_normalized", {"normalizer_agent"}),
        ("intake.scoring_facts", {"rationale_scorer_agent"}),
        ("intake.record_rationales", {"rationale_scorer_agent"}),
        ("intake.hypothesis_facts", {"strategy_analyst_agent"}),
        ("intake.record_hypotheses", {"strategy_analyst_agent"}),
        ("intake.open_reviews", {"intake_agent", "normalizer_agent", "rationale_scorer_agent"}),
    ],
)
def test_nobody_else_may_call(as_role: As, procedure: str, may: set[str]):
    agents = {
        "intake_agent",
        "normalizer_agent",
        "rationale_scorer_agent",
        "strategy_analyst_agent",
        "risk_agent",
        "desk_api",
        "edge_intake",
    }
    for role in sorted(may):
        assert ask(as_role(role), procedure) == []
    for role in sorted(agents - may):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(as_role(role), procedure)
