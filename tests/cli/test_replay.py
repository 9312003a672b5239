"""A decision taken by the agents that trade is decided again from its trace, bit for bit."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from backend.settings import load_settings
from tests.cli.conftest import Run
from tests.kit.homes import until
from tests.kit.trading_desk import add_bars, add_quote, post, rows
from workers.compose import build_host

AGENTS = ("intake", "normalizer")


@pytest.fixture
def correlation_id(environment: dict[str, str], inside: Connection[Any]) -> str:
    """Let intake and normalizer decide about one alert. Returns its correlation id."""
    body = b'{"ticker":"EURUSD","action":"buy","alert_id":"%s-1"}' % uuid4().hex.encode()
    add_bars(inside)
    add_quote(inside)
    alert = post(inside, body)["correlation_id"]
    host = build_host(load_settings(environment), AGENTS)
    host.start()
    try:
        until(
            lambda: rows(
                inside,
                "select 1 from decision_traces where correlation_id = %s and agent = 'normalizer'",
                (alert,),
            ),
            "the normalizer decided",
        )
    finally:
        host.stop()
        inside.execute("delete from public.market_bars")
    return alert


def test_decisions_of_an_alert_are_the_same_again(run: Run, correlation_id: str):
    said = run("replay", correlation_id)
    assert (said.status, said.out.count("same, bit for bit")) == (0, 2)
    document = run("replay", correlation_id, "--json").json
    assert document["same"] is True
    assert [item["agent"] for item in document["decisions"]] == list(AGENTS)


def test_changed_facts_are_found_out(run: Run, inside: Connection[Any], correlation_id: str):
    inside.execute("set session_replication_role = replica")
    inside.execute(
        "update decision_traces set facts = jsonb_set(facts, '{alert}', 'null'), clock = clock +"
        " interval '1 year', inputs = jsonb_set(inputs, '{origin_at}',"
        " to_jsonb((now() - interval '9 years')::text))"
        " where correlation_id = %s and agent = 'normalizer'",
        (correlation_id,),
    )
    inside.execute("set session_replication_role = origin")
    said = run("replay", correlation_id)
    assert said.status == 1
    assert "different" in said.out


@pytest.mark.parametrize(("words", "code"), [("42", "replay.id"), ("0" * 32, "replay.unknown")])
def test_unknown_decision_is_named(run: Run, words: str, code: str):
    said = run("replay", words)
    assert (said.status, f"[{code}]" in said.err) == (2, True)


def test_work_names_an_unknown_agent(run: Run):
    said = run("work", "--agents", "intake,nobody")
    assert (said.status, "[agents.unknown]" in said.err) == (2, True)
