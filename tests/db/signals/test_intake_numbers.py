"""A source's missing numbers become a gap, an incident, and nothing once they have come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from psycopg import Connection

from tests.kit.signal_rows import As
from tests.kit.signals import a_context
from tests.kit.trading_desk import ask, post, rows
from workers.agents import intake

AT = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def send(api: Connection[Any], *numbers: int, after_s: int = 0) -> None:
    for place, number in enumerate(numbers):
        body = b'{"symbol":"EURUSD","side":"buy","id":"n%d-%d","seq":%d}' % (
            after_s,
            number,
            number,
        )
        post(api, body, received_at=AT + timedelta(seconds=after_s + place))


def look(agent: Connection[Any]) -> str:
    (facts,) = ask(agent, intake.TICK_FACTS, {})
    decision = intake.handle_tick(facts, replace(a_context("intake"), origin=uuid4()))
    for effect in decision.effects:
        ask(agent, effect.procedure, effect.item)
    return decision.explanation


def open_gaps(inside: Connection[Any]) -> list[tuple[int, int]]:
    return rows(
        inside,
        "select first_missing, last_missing from intake.gaps where closed_at is null order by 1",
    )


def test_missing_numbers_are_reported_and_forgotten_when_they_come(
    as_role: As, inside: Connection[Any]
):
    inside.execute("delete from ops.incidents")
    api, agent = as_role("desk_api"), as_role("intake_agent")
    send(api, 1, 2, 5, 6)
    assert look(agent) == "tv misses 3 to 4."
    assert open_gaps(inside) == [(3, 4)]
    incidents = "select kind, subject, state from ops.incidents"
    assert rows(inside, incidents) == [("ALERTS_MISSING", "tv", "open")]
    assert look(agent) == "No number is missing."

    inside.execute("update intake.numberings set looked_until = %s", (AT + timedelta(seconds=20),))
    send(api, 3, 7, after_s=30)
    assert "tv misses 4 to 4" in look(agent)
    assert open_gaps(inside) == [(4, 4)]
    inside.execute("update intake.numberings set looked_until = %s", (AT + timedelta(seconds=50),))
    send(api, 4, after_s=60)
    look(agent)
    assert open_gaps(inside) == []
    assert rows(inside, incidents) == [("ALERTS_MISSING", "tv", "closed")]


def test_what_came_just_now_may_still_be_overtaken(as_role: As, inside: Connection[Any]):
    post(as_role("desk_api"), b'{"symbol":"EURUSD","side":"buy","id":"n1","seq":9}')
    assert look(as_role("intake_agent")) == "No number is missing."
    assert rows(inside, "select count(*) from intake.numberings") == [(0,)]
