"""Rows of the signal chain as its agents write them, and their reviews."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from tests.kit.signals import NOW
from tests.kit.trading_desk import ask, post

VECTOR = "[" + ",".join(["0.5"] * 16) + "]"
As = Callable[[str], Connection[Any]]
"""Gives the session of a role."""


def a_review(kind: str, subject_id: str, code: str = "TR235") -> dict[str, Any]:
    """Give a review to open."""
    return {
        "review_id": uuid4(),
        "correlation_id": subject_id,
        "org_id": "demo",
        "kind": kind,
        "subject_id": subject_id,
        "reason_code": code,
        "detail": "a person has to look",
        "opened_at": NOW,
    }


def a_signal(alert_id: str, **changes: Any) -> dict[str, Any]:
    """Give a normalised signal to record."""
    return {
        "signal_id": uuid4(),
        "alert_id": alert_id,
        "correlation_id": alert_id,
        "org_id": "demo",
        "symbol": "EURUSD",
        "symbol_class": "fx",
        "side": "BUY",
        "order_type": "market",
        "timeframe": "M15",
        "session": "london",
        "received_at": NOW,
        "strategy_id": "tv-smc",
        "mode": "paper",
        "price": "1.10000",
        "normalized_at": NOW,
    } | changes


def a_rationale(signal: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Give a rationale to record."""
    return {
        "rationale_id": uuid4(),
        "signal_id": signal["signal_id"],
        "correlation_id": signal["correlation_id"],
        "org_id": "demo",
        "symbol": signal["symbol"],
        "side": signal["side"],
        "score": "0.6",
        "confidence": "0.8",
        "axes": {},
        "features": {},
        "feature_vector": VECTOR,
        "contributions": [],
        "conflicts": [],
        "precedents": [],
        "sentence": "BUY scores 0.60.",
        "weights_version": "rationale-1",
        "threshold": "0.55",
        "scored_at": NOW,
    } | changes


def normalized(as_role: As, body: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """Post an alert and keep its signal, as intake and normalizer do."""
    body = body or f'{{"ticker":"EURUSD","action":"buy","alert_id":"{uuid4()}-1"}}'.encode()
    signal = a_signal(post(as_role("desk_api"), body)["alert_id"], **changes)
    ask(as_role("normalizer_agent"), "intake.record_normalized", signal)
    return signal


def opened(as_role: As) -> dict[str, Any]:
    """Post an alert and open its review."""
    review = a_review("alert", post(as_role("desk_api"))["alert_id"])
    ask(as_role("intake_agent"), "intake.open_reviews", review)
    return review


def decide(
    as_role: As,
    review: dict[str, Any],
    decision: str = "approved",
    reason: str = "seen it",
    role: str = "desk_operator",
) -> dict[str, Any]:
    """Decide a review as a person."""
    row = (
        as_role(role)
        .execute("select intake.decide_review(%s, %s, %s)", (review["review_id"], decision, reason))
        .fetchone()
    )
    assert row is not None
    return row[0]


def claim(conn: Connection[Any], **claims: str) -> None:
    """Set a person's claims for the open transaction, as the API does."""
    conn.execute("select set_config('request.jwt.claims', %s, true)", (json.dumps(claims),))


def sqlstate_of(call: Callable[[], Any]) -> str | None:
    """Give the SQLSTATE that a call is refused with."""
    with pytest.raises(psycopg.Error) as raised:
        call()
    return raised.value.sqlstate
