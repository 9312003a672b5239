"""An order is sent at most once, by the one bridge that owns its account, and never halted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from tests.kit.at_once import Ready, at_once
from tests.kit.order_flow import (
    OTHER_WORKER,
    WORKER,
    a_report,
    age_attempt,
    an_order,
    give_shard,
    new_id,
    open_attempt,
    outcome_of,
    record,
    status_of,
)
from tests.kit.postgres import Database
from tests.kit.trading_desk import ask, rows

PAST = datetime(2020, 1, 1, tzinfo=UTC)


def test_authorised_order_gets_one_attempt_and_is_submitted(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    attempt = open_attempt(bridge, order_id)
    assert (attempt["state"], attempt["status"], attempt["epoch"]) == ("opened", "submitted", 1)
    assert attempt["symbol"] == "EURUSD"
    assert status_of(inside, order_id) == "submitted"
    assert rows(inside, "select from_status, to_status, recorded_by from order_events") == [
        ("initialized", "submitted", "execution")
    ]


def test_client_order_id_and_magic_derive_from_the_attempt_and_fit_the_venue(
    bridge: Connection[Any], inside: Connection[Any]
):
    attempt_id = new_id()
    attempt = open_attempt(bridge, an_order(inside), attempt_id=attempt_id)
    assert attempt["client_order_id"] == attempt_id.hex[-20:]
    assert int(attempt["magic"]) == attempt_id.int & (2**63 - 1)
    assert 0 < int(attempt["magic"]) < 2**63


def test_order_asked_for_again_is_resolved_and_never_opened_twice(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    first = open_attempt(bridge, order_id)
    again = open_attempt(bridge, order_id)
    assert again["state"] == "resolve"
    assert again["attempt_id"] == first["attempt_id"]
    assert rows(inside, "select count(*) from execution.attempts") == [(1,)]


def test_answered_order_is_not_opened_again(bridge: Connection[Any], inside: Connection[Any]):
    order_id = an_order(inside)
    record(bridge, open_attempt(bridge, order_id), a_report("rejected"))
    assert open_attempt(bridge, order_id)["state"] == "answered"


def test_two_connections_that_race_for_an_order_open_one_attempt(
    desk: Database, inside: Connection[Any]
):
    order_id = an_order(inside)

    def race(_: int, ready: Ready) -> str:
        with psycopg.connect(desk.role_url("execution_agent"), autocommit=True) as conn:
            ready()
            return open_attempt(conn, order_id)["state"]

    states = at_once(range(4), race)
    assert sorted(states) == ["opened", "resolve", "resolve", "resolve"]
    assert rows(inside, "select count(*) from execution.attempts") == [(1,)]


def test_halted_account_sends_nothing_and_the_alert_ends_denied(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    inside.execute(
        "insert into governance.halts (halt_id, scope, scope_id, reason, requested_by)"
        " values (%s, 'account', 'paper-1', 'test', 'test')",
        (uuid4(),),
    )
    answer = open_attempt(bridge, order_id)
    assert (answer["state"], answer["code"], answer["status"]) == ("refused", "TR403", "denied")
    assert rows(inside, "select count(*) from execution.attempts") == [(0,)]
    assert outcome_of(inside, order_id) == ("denied", "TR403")
    assert rows(inside, "select remaining_quantity, released_by from risk.reservations") == [
        (0, "execution")
    ]


def test_reduce_only_order_passes_a_halt(bridge: Connection[Any], inside: Connection[Any]):
    inside.execute(
        "insert into governance.halts (halt_id, scope, scope_id, reason, requested_by)"
        " values (%s, 'platform', '*', 'test', 'test')",
        (uuid4(),),
    )
    assert open_attempt(bridge, an_order(inside, reduce_only=True))["state"] == "opened"


def test_halt_waits_for_what_was_opened_before_it(
    desk: Database, bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    bridge.autocommit = False
    assert open_attempt(bridge, order_id)["state"] == "opened"
    with psycopg.connect(desk.superuser_url, autocommit=True) as halting:
        locked = rows(
            halting,
            "select pg_try_advisory_lock(hashtextextended('halt/account/paper-1', 0))",
        )
        assert locked == [(False,)]
        bridge.commit()
        locked = rows(
            halting,
            "select pg_try_advisory_lock(hashtextextended('halt/account/paper-1', 0))",
        )
        assert locked == [(True,)]


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"expires_at": PAST}, "TR411", "expired"),
        ({"mode": "shadow"}, "TR323", "denied"),
        ({"status": "denied"}, "TR402", "denied"),
    ],
)
def test_order_that_may_not_be_sent_is_refused_with_its_code(
    bridge: Connection[Any],
    inside: Connection[Any],
    changes: dict[str, Any],
    code: str,
    status: str,
):
    order_id = an_order(inside, **changes)
    answer = open_attempt(bridge, order_id)
    assert (answer["state"], answer["code"]) == ("refused", code)
    assert status_of(inside, order_id) == status


def test_closed_or_foreign_venue_and_halted_account_are_refused(
    bridge: Connection[Any], inside: Connection[Any]
):
    inside.execute("update accounts set state = 'halted' where account_id = 'paper-1'")
    assert open_attempt(bridge, an_order(inside))["code"] == "TR305"
    inside.execute("update accounts set state = 'active'")
    assert open_attempt(bridge, an_order(inside, venue_id="elsewhere"))["code"] == "TR409"
    inside.execute("update venues set state = 'closed'")
    assert open_attempt(bridge, an_order(inside))["code"] == "TR331"
    inside.execute("update venues set state = 'active'")


def test_unknown_order_is_refused(bridge: Connection[Any]):
    answer = open_attempt(bridge, new_id())
    assert (answer["state"], answer["code"]) == ("refused", "TR410")


def test_account_has_one_owner_until_its_lease_ends(
    bridge: Connection[Any], inside: Connection[Any]
):
    open_attempt(bridge, an_order(inside))
    with pytest.raises(psycopg.errors.Error) as refused:
        open_attempt(bridge, an_order(inside), OTHER_WORKER)
    assert refused.value.sqlstate == "TR405"
    inside.execute("update execution.account_leases set expires_at = clock_timestamp()")
    taken = open_attempt(bridge, an_order(inside), OTHER_WORKER)
    assert (taken["state"], taken["epoch"]) == ("opened", 2)


def test_owner_of_the_shard_takes_the_account_at_once(
    bridge: Connection[Any], inside: Connection[Any]
):
    open_attempt(bridge, an_order(inside))
    give_shard(inside, "paper-1", OTHER_WORKER)
    assert open_attempt(bridge, an_order(inside), OTHER_WORKER)["epoch"] == 2


def test_fresh_lease_is_not_written_again(bridge: Connection[Any], inside: Connection[Any]):
    open_attempt(bridge, an_order(inside))
    first = rows(inside, "select expires_at, xmax::text from execution.account_leases")
    open_attempt(bridge, an_order(inside))
    assert rows(inside, "select expires_at from execution.account_leases")[0][0] == first[0][0]


def test_attempt_of_a_dead_bridge_is_taken_over_and_only_asked_about(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    stalled = open_attempt(bridge, order_id)
    give_shard(inside, "paper-1", OTHER_WORKER)
    taken = open_attempt(bridge, order_id, OTHER_WORKER)
    assert (taken["state"], taken["attempt_id"]) == ("resolve", stalled["attempt_id"])
    with pytest.raises(psycopg.errors.Error) as refused:
        record(bridge, stalled, a_report("rejected"))
    assert refused.value.sqlstate == "TR405"
    assert status_of(inside, order_id) == "submitted"
    assert record(bridge, taken, a_report("rejected"))["status"] == "rejected"


def test_batch_opens_its_orders_together_and_one_order_only_once(
    bridge: Connection[Any], inside: Connection[Any]
):
    orders = [an_order(inside) for _ in range(5)]
    items = [
        {"order_id": order_id, "attempt_id": new_id(), "worker_id": WORKER}
        for order_id in (*orders, orders[0])
    ]
    answers = ask(bridge, "execution.open_attempts", *items)
    assert [a["state"] for a in answers] == ["opened"] * 5 + ["refused"]
    assert answers[5]["code"] == "TR404"


def test_missing_trace_means_not_sent_only_after_the_settle_window(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    attempt = open_attempt(bridge, order_id)
    lost = a_report("not_sent", code="TR417", retcode=None, venue_order_id=None)
    early = record(bridge, attempt, lost, "execution.resolve_attempts")
    assert early["status"] == "unknown"
    assert outcome_of(inside, order_id) is None
    age_attempt(inside, attempt, 16)
    late = record(bridge, attempt, lost, "execution.resolve_attempts")
    assert late["status"] == "not_sent"
    assert outcome_of(inside, order_id) == ("expired", "TR417")
    assert rows(inside, "select remaining_quantity from risk.reservations") == [(0,)]
    assert open_attempt(bridge, order_id)["state"] == "answered"


def test_unanswered_attempt_and_working_order_become_due_and_are_queued_once(
    bridge: Connection[Any], inside: Connection[Any]
):
    silent = open_attempt(bridge, an_order(inside))
    record(bridge, silent, a_report("unknown", retcode=None))
    working = open_attempt(bridge, an_order(inside, order_type="limit", limit_price="1.09"))
    record(bridge, working, a_report("accepted"))
    in_flight = open_attempt(bridge, an_order(inside))
    age_attempt(inside, working, 5)
    (due,) = ask(bridge, "execution.due_attempts", {"abandoned_ms": 30_000, "sync_ms": 2_000})
    assert due["attempts"] == [silent["attempt_id"]]
    assert due["working"] == [working["attempt_id"]]
    asked = [{"attempt_id": a} for a in (*due["attempts"], *due["working"])]
    ask(bridge, "execution.ask_again", *asked)
    ask(bridge, "execution.ask_again", *asked)
    queued = rows(
        inside,
        "select d.row_kind, d.ordering_key, a.attempt_id::text from bus.deliveries d"
        " join execution.attempts a on a.inquiry_id = d.msg_id order by 3",
    )
    assert queued == [
        ("inquiry", "paper-1", a) for a in sorted((silent["attempt_id"], working["attempt_id"]))
    ]
    (quiet,) = ask(bridge, "execution.due_attempts", {"abandoned_ms": 30_000, "sync_ms": 2_000})
    assert (quiet["attempts"], quiet["working"]) == ([], [])
    age_attempt(inside, in_flight, 60)
    (later,) = ask(bridge, "execution.due_attempts", {"abandoned_ms": 30_000, "sync_ms": 2_000})
    assert later["attempts"] == [in_flight["attempt_id"]]


def test_inquiry_finds_its_attempt(bridge: Connection[Any], inside: Connection[Any]):
    attempt = open_attempt(bridge, an_order(inside))
    record(bridge, attempt, a_report("unknown"))
    ask(bridge, "execution.ask_again", {"attempt_id": attempt["attempt_id"]})
    ((inquiry,),) = rows(inside, "select msg_id from bus.deliveries")
    item = {"inquiry_id": inquiry, "worker_id": WORKER}
    (answer,) = ask(bridge, "execution.open_attempts", item)
    assert (answer["state"], answer["attempt_id"]) == ("resolve", attempt["attempt_id"])


def test_order_past_its_time_expires_once_and_a_sent_one_does_not(
    bridge: Connection[Any], inside: Connection[Any]
):
    sent = an_order(inside)
    open_attempt(bridge, sent)
    inside.execute("update orders set expires_at = %s", (PAST,))
    unsent = an_order(inside, expires_at=PAST)
    (due,) = ask(bridge, "execution.due_attempts", {"abandoned_ms": 30_000, "sync_ms": 2_000})
    assert due["expired"] == [str(unsent)]
    ask_expiry(bridge, unsent, sent)
    ask_expiry(bridge, unsent, sent)
    assert (status_of(inside, unsent), status_of(inside, sent)) == ("expired", "submitted")
    assert outcome_of(inside, unsent) == ("expired", "TR411")
    assert rows(inside, "select count(*) from order_events where order_id = %s", (unsent,)) == [
        (1,)
    ]


def ask_expiry(bridge: Connection[Any], *orders: object) -> None:
    items = "[" + ", ".join(f'{{"order_id": "{order}"}}' for order in orders) + "]"
    bridge.execute("select execution.expire_orders(%s::jsonb)", (items,))


@pytest.mark.parametrize(
    "procedure",
    ["execution.open_attempts", "execution.record_reports", "execution.resolve_attempts"],
)
def test_no_other_agent_may_touch_attempts(desk: Database, procedure: str):
    with (
        psycopg.connect(desk.role_url("risk_agent"), autocommit=True) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute(f"select {procedure}('[]'::jsonb)")
