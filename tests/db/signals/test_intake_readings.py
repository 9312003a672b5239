"""An alert whose door did not read it is read afterwards, and is no second order for that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from backend.domain.intake.secrets import hash_secret
from backend.values import FinalOutcome
from tests.kit.signal_rows import As
from tests.kit.signals import a_context, a_row
from tests.kit.trading_desk import add_token, ask, hand_in, post, rows
from workers.agents import intake

WITH_ID = b'{"ticker": "EURUSD", "action": "buy", "alert_id": "a-4711"}'


@pytest.fixture
def edge(as_role: As) -> Connection[Any]:
    return as_role("edge_intake")


@pytest.fixture
def agent(as_role: As) -> Connection[Any]:
    return as_role("intake_agent")


def decide(agent: Connection[Any], kind: str, alert_id: str) -> Any:
    """Let the intake agent decide on a row as its loop does, effects included."""
    row = a_row(kind, UUID(alert_id))
    (facts,) = ask(agent, intake.FACTS, intake.ask(row))
    decision = intake.handle(row, intake.digest(row, facts), a_context("intake"))
    for effect in decision.effects:
        ask(agent, effect.procedure, effect.item)
    return decision


def waiting(inside: Connection[Any]) -> list[tuple[str, str]]:
    return rows(inside, "select row_kind, ordering_key from bus.deliveries order by delivery_id")


def test_alert_is_read_once_and_comes_back(
    edge: Connection[Any], agent: Connection[Any], inside: Connection[Any]
):
    alert_id = hand_in(edge, WITH_ID)["alert_id"]
    assert decide(agent, "alert", alert_id).outcome == "read"
    assert decide(agent, "alert", alert_id).outcome != "read"  # a retry finds the reading
    assert waiting(inside) == [("alert", "tv"), ("reading", "EURUSD")]
    decision = decide(agent, "reading", alert_id)
    assert decision.outcome == "understood"
    assert decision.emissions[0].payload.symbol_raw == "EURUSD"


def test_what_came_by_the_other_door_before_is_a_duplicate(
    as_role: As, edge: Connection[Any], agent: Connection[Any], inside: Connection[Any]
):
    first = post(as_role("desk_api"), WITH_ID)["alert_id"]
    second = hand_in(edge, b" " + WITH_ID)["alert_id"]
    decide(agent, "alert", second)
    assert ("reading", "EURUSD") not in waiting(inside)
    assert rows(inside, "select first_alert_id::text from intake.readings") == [(first,)]
    assert rows(inside, "select correlation_id::text, outcome from alert_outcomes") == [
        (second, "duplicate")
    ]


def test_what_comes_by_the_other_door_later_is_a_duplicate(
    as_role: As, edge: Connection[Any], agent: Connection[Any]
):
    first = hand_in(edge, WITH_ID)["alert_id"]
    decide(agent, "alert", first)
    again = post(as_role("desk_api"), WITH_ID)
    assert (again["status"], again["alert_id"]) == ("duplicate", first)


def test_body_that_nobody_understands_goes_to_a_person_with_the_reason(
    edge: Connection[Any], agent: Connection[Any], inside: Connection[Any]
):
    alert_id = hand_in(edge, b'{"ticker": "EURUSD", "action": "moon"}')["alert_id"]
    decide(agent, "alert", alert_id)
    decision = decide(agent, "reading", alert_id)
    assert decision.final is FinalOutcome.IN_REVIEW
    assert "no known word" in decision.explanation


@pytest.mark.parametrize(("given", "right"), [("s3", True), ("wrong", False), ("", False)])
@pytest.mark.parametrize("door", ["desk_api", "edge_intake"])
def test_without_its_sources_secret_nothing_is_read_and_no_key_is_taken(
    as_role: As, agent: Connection[Any], inside: Connection[Any], door: str, given: str, right: bool
):
    add_token(inside, "guarded", "guarded", secret_sha256=bytes.fromhex(hash_secret("s3")))
    body = b'{"ticker":"EURUSD","action":"buy","alert_id":"a-1","secret":"%s"}' % given.encode()
    row = "alert"
    if door == "desk_api":
        alert_id = post(as_role(door), body, "guarded")["alert_id"]
    else:
        alert_id, row = hand_in(as_role(door), body, "guarded")["alert_id"], "reading"
        decide(agent, "alert", alert_id)
    decision = decide(agent, row, alert_id)
    assert decision.outcome == ("understood" if right else "in_review")
    assert (decision.code == "TR251") is not right
    kinds = {kind for (kind,) in rows(inside, "select kind from intake.alert_keys")}
    assert ("id" in kinds) is right


def test_edge_door_is_counted_by_the_database(edge: Connection[Any], inside: Connection[Any]):
    add_token(inside, "slow", "slow", rate_per_minute=3)
    answers = [hand_in(edge, b"buy EURUSD %d" % number, "slow") for number in range(5)]
    assert [answer.get("code") for answer in answers] == [None, None, None, "TR204", "TR204"]
    assert rows(inside, "select count(*) from signals_raw") == [(3,)]
