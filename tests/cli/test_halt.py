"""A halt is in force before the command returns; lifting it asks the voters."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.cli.conftest import Run
from tests.kit.order_flow import an_order, clear_orders
from tests.kit.trading_desk import clear, rows


@pytest.fixture(autouse=True)
def _clean(inside: Connection[Any]) -> None:
    clear(inside)
    inside.execute("set session_replication_role = replica")
    inside.execute("truncate public.proposals, public.proposal_events, public.votes cascade")
    inside.execute("set session_replication_role = origin")


def test_a_halt_stands_once_and_is_listed(run: Run, inside: Connection[Any]):
    words = ("halt", "account", "paper-1", "--reason", "strange fills", "--json")
    first, second = run(*words).json, run(*words).json
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert first["halt_id"] == second["halt_id"]
    (listed,) = run("halt", "--list", "--json").json
    assert (listed["scope"], listed["scope_id"], listed["cause"]) == (
        "account",
        "paper-1",
        "requested",
    )
    assert "strange fills" in run("halt", "--list").out
    assert rows(inside, "select requested_by from governance.halts") == [("desk_operator",)]


def test_a_cancelling_halt_says_how_many_orders_it_took_and_wakes_the_bridge(
    run: Run, inside: Connection[Any]
):
    clear_orders(inside)
    an_order(inside)
    inside.execute("listen desk_wake_execution")
    said = run("halt", "platform", "--reason", "news", "--working-orders", "cancel")
    assert "orders denied unsent, or being withdrawn at their venues: 1" in said.out
    assert [hint.channel for hint in inside.notifies(timeout=10, stop_after=1)]
    inside.execute("unlisten *")
    assert rows(inside, "select status from orders") == [("denied",)]
    clear_orders(inside)


def test_resuming_opens_one_proposal_and_names_whose_votes_are_missing(run: Run):
    halt_id = run("halt", "platform", "--reason", "news", "--json").json["halt_id"]
    asked = run("resume", halt_id[:20], "--reason", "it is over", "--json").json
    assert asked["waits_for"] == ["compliance", "risk_sentinel", "1 of treasury_operator"]
    again = run("resume", halt_id, "--reason", "it is over")
    assert asked["proposal_id"] in again.out
    assert "update treasury.my_ballots" in again.out
    (listed,) = run("halt", "--list", "--json").json
    assert listed["lifting"] == asked["proposal_id"]


def test_nothing_halted_is_said_so(run: Run):
    assert run("halt", "--list").out.strip() == "nothing is halted"
    assert run("halt", "--list", "--json").json == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("halt", "planet", "--reason", "x"), "halt.scope"),
        (("halt", "account", "--reason", "x"), "halt.scope_id"),
        (("halt", "platform", "paper-1", "--reason", "x"), "halt.scope_id"),
        (("halt", "account", "paper-1"), "halt.reason"),
        (("halt", "account", "paper-1", "--reason", " "), "halt.reason"),
        (("halt", "account", "nobody", "--reason", "x"), "TR515"),
        (("halt", "platform", "--reason", "x", "--working-orders", "sell"), "halt.working_orders"),
        (("resume", "0199", "--reason", "x"), "halt.unknown"),
    ],
)
def test_what_cannot_be_halted_or_lifted_is_refused(
    run: Run, inside: Connection[Any], words: tuple[str, ...], code: str
):
    said = run(*words)
    assert (said.status, f"[{code}]" in said.err) == (2, True)
    assert rows(inside, "select count(*) from governance.halts") == [(0,)]


@pytest.mark.parametrize("verb", ["halt", "resume", "operator"])
def test_help_shows_an_example(run: Run, verb: str):
    words = ("operator", "add") if verb == "operator" else (verb,)
    assert "Example" in run(*words, "--help").out
