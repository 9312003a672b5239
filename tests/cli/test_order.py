"""Operators look at orders, cancel and change them, and read the books by day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from tests.cli.conftest import Run
from tests.kit.order_flow import a_fill, a_report, an_order, clear_orders, open_attempt, record
from tests.kit.trading_desk import rows


@pytest.fixture(autouse=True)
def _clean(inside: Connection[Any]) -> Iterator[None]:
    clear_orders(inside)
    yield
    clear_orders(inside)


def test_a_working_order_is_shown_changed_and_cancelled(run: Run, inside: Connection[Any]):
    order = an_order(inside, order_type="limit", limit_price="1.0990", time_in_force="GTC")
    attempt = open_attempt(inside, order)
    record(inside, attempt, a_report("accepted"))
    (listed,) = run("order", "list", "--working", "--json").json
    assert (listed["order_id"], listed["status"]) == (str(order), "accepted")
    words = ("--limit-price", "1.0980", "--reason", "the level moved")
    assert "is pending_update" in run("order", "modify", str(order)[:13], *words).out
    refused = run("order", "modify", str(order), *words)
    assert (refused.status, "TR420" in refused.err) == (2, True)
    assert run("order", "cancel", str(order), "--reason", "no more", "--json").json["status"] == (
        "pending_cancel"
    )
    shown = run("order", "show", str(order), "--json").json
    assert [c["state"] for c in shown["changes"]] == ["superseded", "pending"]
    assert shown["changes"][0]["requested_by"] == "desk_operator"
    assert "TR507" in run("order", "cancel", str(order), "--reason", " ").err
    assert run("order", "show", "ffff").status == 2


def test_the_books_tell_by_day_what_moved_and_what_is_at_stake(run: Run, inside: Connection[Any]):
    record(inside, open_attempt(inside, an_order(inside)), a_report("filled", a_fill()))
    inside.execute("set session_replication_role = replica")
    inside.execute("update ledger.entries set posted_at = posted_at - interval '1 day'")
    inside.execute("set session_replication_role = origin")
    ((day,),) = rows(inside, "select ((now() at time zone 'UTC')::date - 1)::text")
    told = run("report", "daily", "--day", day, "--close", "--json").json
    assert told["statements"][0]["movements"] == {"commission": "-3.5"}
    assert told["agreed"]
    assert "commission -3.50" in run("report", "daily").out
    (stake,) = [r for r in run("report", "exposure", "--json").json if r["positions"]]
    assert stake["account_id"] == "paper-1"
    for by in ("symbol", "currency", "strategy", "organization"):
        assert run("report", "exposure", "--by", by).status == 0
    assert "what its fills make it" in run("report", "positions").out
    inside.execute("update positions set quantity = 5")
    assert run("report", "positions", "--json").status == 1
    assert run("report", "positions", "paper-1", "--rebuild", "--reason", "broken").status == 0
    assert rows(inside, "select quantity from positions") == [(1,)]
