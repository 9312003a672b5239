"""Comparing an account from the command line: asked for, waited for, and readable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg import Connection

from tests.cli.conftest import Run
from tests.kit.order_flow import clear_orders, new_id
from tests.kit.trading_desk import rows

FINDING = {
    "kind": "missing_trade",
    "subject": "77",
    "key": "missing_trade/77/0.1 at 1.1/not listed",
    "ours": "0.1 at 1.1",
    "theirs": "not listed",
    "done": "nothing: a booked trade is a record",
    "todo": "ask the broker whether the trade was busted",
    "explained": False,
    "settled": True,
}


@pytest.fixture(autouse=True)
def _clean(inside: Connection[Any]) -> None:
    clear_orders(inside)


def test_without_a_bridge_the_question_waits_and_the_person_is_told(
    run: Run, inside: Connection[Any]
):
    said = run("reconcile", "--account", "paper-1", "--wait", "0.1")
    assert said.status == 2
    assert "no bridge has compared paper-1 yet" in said.err
    run("reconcile", "--account", "paper-1", "--wait", "0.1")
    assert rows(inside, "select cause, asked_by, state from execution.reconciliations") == [
        ("requested", "desk_operator", "asked")
    ]
    queued = rows(inside, "select row_kind, ordering_key from bus.deliveries")
    assert queued == [("reconciliation", "paper-1")]
    assert run("reconcile", "--account", "nowhere").status == 2
    assert run("reconcile", "--account", "paper-1", "--last").status == 2


def test_a_report_says_what_differs_and_what_a_person_has_to_do(run: Run, inside: Connection[Any]):
    halt_id = new_id()
    inside.execute(
        "insert into governance.halts (halt_id, scope, scope_id, cause, reason, requested_by)"
        " values (%s, 'account', 'paper-1', 'reconciliation', 'test', 'test')",
        (halt_id,),
    )
    inside.execute(
        "insert into execution.reconciliations (reconciliation_id, account_id, org_id, cause,"
        " state, surveyed_at, finished_at, summary, findings, venue_balance, our_balance, halt_id)"
        " values (%s, 'paper-1', 'demo', 'periodic', 'unexplained', clock_timestamp(),"
        " clock_timestamp(), 'one difference', %s, 99, 100, %s)",
        (new_id(), json.dumps([FINDING]), halt_id),
    )
    said = run("reconcile", "--account", "paper-1", "--last")
    assert said.status == 1
    for words in ("missing_trade", "ask the broker", "ours 100, the venue's 99", str(halt_id)):
        assert words in said.out
    told = run("reconcile", "--account", "paper-1", "--last", "--json")
    assert (told.status, told.json["findings"], told.json["halted"]) == (1, [FINDING], True)
