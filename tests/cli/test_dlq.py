"""Dead letters: listed, explained, delivered once more, with a reason on record."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from tests.cli.conftest import Run
from tests.kit.trading_desk import post, rows

UNREADABLE = "quote feed was\n[down]"


@pytest.fixture
def letter(inside: Connection[Any]) -> str:
    """Bury the delivery of an alert to intake. Returns the dead letter's id."""
    inside.execute("delete from bus.dead_letters; delete from bus.deliveries")
    alert_id = post(inside, b"buy EURUSD %s" % uuid4().hex.encode())["alert_id"]
    letter_id = str(uuid4())
    inside.execute(
        "with gone as (delete from bus.deliveries where msg_id = %(alert)s returning *)"
        " insert into bus.dead_letters (dead_letter_id, agent, msg_id, row_kind, ordering_key,"
        " correlation_id, org_id, code, error, attempts, died_at)"
        " select %(id)s, agent, msg_id, row_kind, ordering_key, correlation_id, org_id, 'TR120',"
        " %(error)s, 5, clock_timestamp() from gone",
        {"alert": alert_id, "id": letter_id, "error": UNREADABLE},
    )
    return letter_id


def test_list_names_agent_message_and_code(run: Run, letter: str):
    (listed,) = run("dlq", "list", "--json").json
    assert (listed["dead_letter_id"], listed["agent"], listed["code"]) == (
        letter,
        "intake",
        "TR120",
    )
    assert letter in run("dlq", "list").out


def test_show_explains_the_code_and_prints_the_error_as_it_was(run: Run, letter: str):
    said = run("dlq", "show", letter[:13])
    assert said.status == 0
    assert "the agent raised while it handled the message" in said.out
    assert UNREADABLE in said.out
    assert run("dlq", "show", letter, "--json").json["error"] == UNREADABLE


def test_replay_delivers_once_and_keeps_the_reason(run: Run, inside: Connection[Any], letter: str):
    said = run("dlq", "replay", letter, "--reason", "quotes are back", "--json")
    assert said.json == {"dead_letter_id": letter, "agent": "intake", "delivered": True}
    assert rows(inside, "select agent, row_kind from bus.deliveries") == [("intake", "alert")]
    assert rows(inside, "select replayed_by, replay_reason from bus.dead_letters") == [
        ("desk_operator", "quotes are back")
    ]
    again = run("dlq", "replay", letter, "--reason", "once more")
    assert (again.status, "[dlq.replayed]" in again.err) == (2, True)
    assert rows(inside, "select count(*) from bus.deliveries") == [(1,)]


def test_dry_run_delivers_nothing(run: Run, inside: Connection[Any], letter: str):
    said = run("dlq", "replay", letter, "--reason", "just looking", "--dry-run")
    assert (said.status, "would deliver alert to intake" in said.out) == (0, True)
    assert rows(inside, "select count(*) from bus.deliveries") == [(0,)]


def test_unknown_letter_is_named(run: Run, letter: str):
    said = run("dlq", "show", "ffffffff-ffff")
    assert (said.status, "[dlq.unknown]" in said.err) == (2, True)
