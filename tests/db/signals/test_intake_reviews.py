"""A person's word moves an alert on, once, and is kept."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from backend.db.people import add_person
from tests.kit.postgres import Database
from tests.kit.signal_rows import (
    As,
    a_rationale,
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


def test_decision_is_kept_as_a_label(as_role: As, inside: Connection[Any]):
    signal = normalized(as_role)
    rationale = a_rationale(signal)
    ask(as_role("rationale_scorer_agent"), "intake.record_rationales", rationale)
    review = a_review("signal", str(signal["signal_id"]))
    ask(as_role("rationale_scorer_agent"), "intake.open_reviews", review)
    decide(as_role, review, "refused", "the news is in ten minutes")
    assert rows(
        inside, "select review_id, rationale_id, label, labelled_by, reason from review_labels"
    ) == [
        (
            review["review_id"],
            rationale["rationale_id"],
            "refused",
            "desk_operator",
            "the news is in ten minutes",
        )
    ]


def test_one_update_in_sql_decides_and_is_refused_as_any_other(
    as_role: As, inside: Connection[Any]
):
    signal = normalized(as_role)
    ask(as_role("rationale_scorer_agent"), "intake.record_rationales", a_rationale(signal))
    review = a_review("signal", str(signal["signal_id"]))
    ask(as_role("rationale_scorer_agent"), "intake.open_reviews", review)
    operator = as_role("desk_operator")
    update = "update intake.my_reviews set decision = %s, reason = %s where review_id = %s"
    ((sentence, alert),) = rows(operator, "select sentence, alert from intake.my_reviews")
    assert sentence == "BUY scores 0.60."
    assert "EURUSD" in alert
    unreasoned = ("approve", None, review["review_id"])
    assert sqlstate_of(lambda: operator.execute(update, unreasoned)) == "TR507"
    operator.execute(update, ("approve", "I looked at it", review["review_id"]))
    assert rows(inside, "select label, labelled_by from review_labels") == [
        ("approved", "desk_operator")
    ]
    assert rows(operator, "select count(*) from intake.my_reviews") == [(0,)]


def test_person_with_a_login_of_their_own_decides_for_their_organisation(
    as_role: As, inside: Connection[Any], desk: Database
):
    inside.execute(
        "insert into organizations (org_id, name, base_currency) values ('far', 'Far', 'USD')"
    )
    try:
        with psycopg.connect(desk.owner_url, autocommit=True) as owner:
            add_person(owner, "ann_of_demo", "Ann", "desk_operator", "demo", "secret")
            add_person(owner, "bob_of_far", "Bob", "desk_operator", "far", "secret")
        review = opened(as_role)
        update = "update intake.my_reviews set decision = 'refuse', reason = 'no' returning kind"
        with psycopg.connect(desk.role_url("bob_of_far"), autocommit=True) as bob:
            assert rows(bob, update) == []
            refused = (review["review_id"], "approved", "mine")
            assert (
                sqlstate_of(lambda: bob.execute("select intake.decide_review(%s, %s, %s)", refused))
                == "TR239"
            )
        with psycopg.connect(desk.role_url("ann_of_demo"), autocommit=True) as ann:
            assert rows(ann, update) == [("alert",)]
        assert rows(inside, "select labelled_by from review_labels") == [("ann_of_demo",)]
    finally:
        inside.execute("drop owned by ann_of_demo, bob_of_far; drop role ann_of_demo, bob_of_far")
        inside.execute("delete from governance.voters where voter in ('ann_of_demo', 'bob_of_far')")
        inside.execute("delete from organizations where org_id = 'far'")


def test_who_must_decide_is_told_once_per_review(as_role: As, inside: Connection[Any]):
    signal = normalized(as_role)
    review = a_review("signal", str(signal["signal_id"]))
    for _ in range(2):
        ask(as_role("rationale_scorer_agent"), "intake.open_reviews", review)
    assert rows(inside, "select notice_id, org_id, audience, title, state from ops.notices") == [
        (
            review["review_id"],
            "demo",
            "strategy_analyst",
            "BUY EURUSD of tv-smc waits for you",
            "due",
        )
    ]


def test_agents_may_not_decide_reviews(as_role: As):
    review = opened(as_role)
    for role in ("intake_agent", "rationale_scorer_agent", "edge_intake"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            decide(as_role, review, role=role)
