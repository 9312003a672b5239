"""A person's word moves an alert on, once, and is kept."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from tests.kit.signal_rows import (
    As,
    a_review,
    claim,
    decide,
    normalized,
    opened,
    sqlstate_of,
)
from tests.kit.trading_desk import ask, post, rows


def test_repeating_opens_nothing_twice(as_role: As, inside: Connection[Any]):
    review = a_review("alert", post(as_role("desk_api"))["alert_id"])
    for role in ("intake_agent", "normalizer_agent", "rationale_scorer_agent"):
        ask(as_role(role), "intake.open_reviews", review)
    assert rows(inside, "select state, reason_code from review_queue") == [("open", "TR235")]


def test_approved_alert_goes_back_to_intake(as_role: As, inside: Connection[Any]):
    review = opened(as_role)
    inside.execute("truncate bus.deliveries")
    assert decide(as_role, review)["state"] == "approved"
    assert rows(inside, "select agent, row_kind, ordering_key, msg_id from bus.deliveries") == [
        ("intake", "review", "EURUSD", review["review_id"])
    ]
    assert rows(inside, "select decided_by, decision_reason from review_queue") == [
        ("desk_operator", "seen it")
    ]
    assert rows(inside, "select count(*) from alert_outcomes") == [(0,)]


def test_approved_signal_goes_back_to_the_scorer(as_role: As, inside: Connection[Any]):
    signal = normalized(as_role)
    review = a_review("signal", str(signal["signal_id"]))
    review["correlation_id"] = signal["correlation_id"]
    ask(as_role("rationale_scorer_agent"), "intake.open_reviews", review)
    inside.execute("truncate bus.deliveries")
    decide(as_role, review)
    assert rows(inside, "select agent, row_kind, ordering_key from bus.deliveries") == [
        ("rationale_scorer", "review", "EURUSD")
    ]


def test_refused_alert_ends_denied(as_role: As, inside: Connection[Any]):
    review = opened(as_role)
    inside.execute("truncate bus.deliveries")
    decide(as_role, review, "refused")
    assert rows(inside, "select outcome, code, agent from alert_outcomes") == [
        ("denied", "TR241", "review")
    ]
    assert rows(inside, "select count(*) from bus.deliveries") == [(0,)]


def test_same_decision_again_changes_nothing(as_role: As, inside: Connection[Any]):
    review = opened(as_role)
    inside.execute("truncate bus.deliveries")
    assert decide(as_role, review) == decide(as_role, review)
    assert rows(inside, "select count(*) from bus.deliveries") == [(1,)]


def test_other_decision_afterwards_is_refused(as_role: As):
    review = opened(as_role)
    decide(as_role, review)
    assert sqlstate_of(lambda: decide(as_role, review, "refused")) == "TR240"


def test_unknown_review_is_refused(as_role: As):
    assert sqlstate_of(lambda: decide(as_role, {"review_id": uuid4()})) == "TR239"


def test_decision_needs_a_reason_and_a_known_word(as_role: As):
    review = opened(as_role)
    assert sqlstate_of(lambda: decide(as_role, review, reason="  ")) == "TR507"
    assert sqlstate_of(lambda: decide(as_role, review, "perhaps")) == "TR507"


def test_body_that_was_not_understood_cannot_be_sent_on(as_role: As, inside: Connection[Any]):
    review = a_review("alert", post(as_role("desk_api"), b"what?")["alert_id"])
    ask(as_role("intake_agent"), "intake.open_reviews", review)
    assert sqlstate_of(lambda: decide(as_role, review)) == "TR211"
    assert rows(inside, "select state from review_queue") == [("open",)]


def test_through_the_api_the_claims_name_the_person(as_role: As, inside: Connection[Any]):
    review = opened(as_role)
    api = as_role("desk_api")
    assert sqlstate_of(lambda: decide(as_role, review, role="desk_api")) == "TR509"
    with api.transaction():
        claim(api, sub="ann", org_id="somebody-else")
        assert sqlstate_of(lambda: decide(as_role, review, role="desk_api")) == "TR239"
    with api.transaction():
        claim(api, sub="ann", org_id="demo")
        decide(as_role, review, role="desk_api")
    assert rows(inside, "select decided_by from review_queue") == [("ann",)]


def test_claims_that_anybody_else_sets_count_for_nothing(as_role: As, inside: Connection[Any]):
    review = opened(as_role)
    operator = as_role("desk_operator")
    with operator.transaction():
        claim(operator, sub="ann", org_id="demo")
        decide(as_role, review)
    assert rows(inside, "select decided_by from review_queue") == [("desk_operator",)]


def test_agents_may_not_decide_reviews(as_role: As):
    review = opened(as_role)
    for role in ("intake_agent", "rationale_scorer_agent", "edge_intake"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            decide(as_role, review, role=role)
