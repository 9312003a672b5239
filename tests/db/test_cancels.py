"""What a halt wants cancelled is carried out by one bridge, and ends once, as the venue says."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from tests.kit.homes import until
from tests.kit.order_flow import (
    OTHER_WORKER,
    WORKER,
    a_fill,
    a_report,
    an_order,
    give_shard,
    new_id,
    open_attempt,
    outcome_of,
    record,
    status_of,
    steps,
)
from tests.kit.postgres import Database
from tests.kit.trading_desk import ask, rows

SENT = ["submitted", "accepted", "pending_cancel"]
WAITING = (
    "select count(*) from pg_stat_activity where datname = current_database()"
    " and wait_event_type = 'Lock'"
)
DUE = {"abandoned_ms": 30_000, "sync_ms": 2_000}


def halt(inside: Connection[Any]) -> int:
    """Halt the account with a cancel. Returns for how many orders."""
    item = {"halt_id": new_id(), "scope": "account", "scope_id": "paper-1", "reason": "test"}
    (answer,) = ask(inside, "governance.record_halts", {**item, "cancel_working_orders": True})
    return answer["orders_cancelled"]


def halt_apart(url: str) -> None:
    with psycopg.connect(url) as conn:
        halt(conn)


def inquiries(inside: Connection[Any]) -> list[UUID]:
    found = rows(inside, "select msg_id from bus.deliveries where row_kind = 'inquiry'")
    return [inquiry for (inquiry,) in found]


def asked(conn: Connection[Any], inquiry: UUID, worker_id: UUID = WORKER) -> dict[str, Any]:
    """Take an inquiry up, as the bridge does."""
    item = {"inquiry_id": inquiry, "worker_id": worker_id}
    (answer,) = ask(conn, "execution.open_attempts", item)
    return answer


def working(inside: Connection[Any], bridge: Connection[Any], quantity: str = "2") -> UUID:
    """Let the venue work an order."""
    order_id = an_order(
        inside, quantity, order_type="limit", time_in_force="GTC", limit_price="1.1"
    )
    record(bridge, open_attempt(bridge, order_id), a_report("accepted"))
    return order_id


def to_be_cancelled(
    inside: Connection[Any], bridge: Connection[Any]
) -> tuple[UUID, dict[str, Any]]:
    """Halt under a working order. Returns it and what its bridge is given."""
    order_id = working(inside, bridge)
    assert halt(inside) == 1
    (inquiry,) = inquiries(inside)
    return order_id, asked(bridge, inquiry)


def resolve(conn: Connection[Any], attempt: dict[str, Any], report: dict[str, Any]) -> Any:
    return record(conn, attempt, report, "execution.resolve_attempts")


def budget(inside: Connection[Any]) -> list[Any]:
    return rows(inside, "select remaining_quantity, released_at from risk.reservations")


def test_a_cancelling_halt_asks_the_accounts_bridge_at_once_and_once(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id, attempt = to_be_cancelled(inside, bridge)
    assert (attempt["state"], attempt["status"]) == ("sync", "pending_cancel")
    assert UUID(attempt["order_id"]) == order_id
    ((key,),) = rows(inside, "select ordering_key from bus.deliveries")
    assert key == "paper-1"
    # Halting again, or an agent's loop coming round, asks for nothing that waits already.
    inside.execute("select governance.acknowledge_halts(gen_random_uuid())")
    assert halt(inside) == 0
    (due,) = ask(bridge, "execution.due_attempts", {**DUE, "sync_ms": 0})
    assert (due["working"], len(inquiries(inside))) == ([], 1)


def test_what_the_venue_accepts_under_the_halt_is_asked_for_too(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside, order_type="limit", time_in_force="GTC", limit_price="1.1")
    attempt = open_attempt(bridge, order_id)
    assert halt(inside) == 0
    record(bridge, attempt, a_report("accepted"))
    inside.execute("select governance.acknowledge_halts(gen_random_uuid())")
    assert status_of(inside, order_id) == "pending_cancel"
    assert len(inquiries(inside)) == 1


def test_a_halt_and_the_tick_ask_at_the_same_time_and_one_inquiry_waits(
    bridge: Connection[Any], inside: Connection[Any], desk: Database
):
    orders = {working(inside, bridge, "1") for _ in range(3)}
    attempts = [a for (a,) in rows(inside, "select attempt_id from execution.attempts")]
    with psycopg.connect(desk.role_url("execution_agent")) as tick:
        # The tick has asked, and has not committed: the halt waits for it.
        ask(tick, "execution.ask_again", *({"attempt_id": a} for a in reversed(attempts)))
        halting = threading.Thread(target=halt_apart, args=(desk.superuser_url,))
        halting.start()
        until(lambda: rows(inside, WAITING) == [(1,)], "the halt waits")
    halting.join(10)
    assert {status_of(inside, order) for order in orders} == {"pending_cancel"}
    assert len(inquiries(inside)) == len(orders)


def test_cancelled_order_frees_its_budget_once_and_ends_its_alert(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id, attempt = to_be_cancelled(inside, bridge)
    assert resolve(bridge, attempt, a_report("canceled"))["status"] == "canceled"
    assert steps(inside, order_id) == [*SENT, "canceled"]
    freed = budget(inside)
    ((remaining, released_at),) = freed
    assert (remaining, released_at is not None) == (0, True)
    assert outcome_of(inside, order_id) == ("expired", "TR411")
    assert resolve(bridge, attempt, a_report("canceled"))["repeated"]
    assert (steps(inside, order_id), budget(inside)) == ([*SENT, "canceled"], freed)


def test_what_was_traded_before_the_cancel_is_booked_before_the_order_ends(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id, attempt = to_be_cancelled(inside, bridge)
    resolve(bridge, attempt, a_report("partially_filled", a_fill("0.5"), final=True))
    assert steps(inside, order_id) == [*SENT, "partially_filled", "canceled"]
    assert rows(inside, "select quantity from positions") == [(Decimal("0.5"),)]
    assert outcome_of(inside, order_id) == ("partially_filled", None)
    assert budget(inside)[0][0] == 0


def test_a_part_traded_while_the_cancel_travels_leaves_it_asked_for(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id, attempt = to_be_cancelled(inside, bridge)
    resolve(bridge, attempt, a_report("partially_filled", a_fill("0.5")))
    assert status_of(inside, order_id) == "pending_cancel"
    assert budget(inside) == [(Decimal("1.5"), None)]
    resolve(bridge, attempt, a_report("canceled"))
    assert steps(inside, order_id) == [*SENT, "pending_cancel", "canceled"]
    assert outcome_of(inside, order_id) == ("partially_filled", None)


@pytest.mark.parametrize(
    ("end", "code"), [("filled", None), ("expired", "TR411"), ("rejected", "TR414")]
)
def test_an_order_that_ended_otherwise_first_ends_so(
    bridge: Connection[Any], inside: Connection[Any], end: str, code: str | None
):
    order_id, attempt = to_be_cancelled(inside, bridge)
    fills = [a_fill("2")] if end == "filled" else []
    resolve(bridge, attempt, a_report(end, *fills))
    assert steps(inside, order_id) == [*SENT, end]
    assert outcome_of(inside, order_id) == (end, code)
    ((remaining, released_at),) = budget(inside)
    assert (remaining, released_at is not None) == (0, True)


@pytest.mark.parametrize("said", ["unknown", "not_found", "accepted", "not_sent"])
def test_a_cancel_that_is_not_certain_keeps_the_budget_and_is_asked_for_again(
    bridge: Connection[Any], inside: Connection[Any], said: str
):
    order_id, attempt = to_be_cancelled(inside, bridge)
    resolve(bridge, attempt, a_report(said))
    assert status_of(inside, order_id) == "pending_cancel"
    assert budget(inside) == [(2, None)]
    assert outcome_of(inside, order_id) is None
    inside.execute("truncate bus.deliveries")
    (due,) = ask(bridge, "execution.due_attempts", {**DUE, "sync_ms": 0})
    assert due["working"] == [attempt["attempt_id"]]


def test_late_fill_after_a_cancel_is_booked_and_frees_nothing_twice(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id, attempt = to_be_cancelled(inside, bridge)
    resolve(bridge, attempt, a_report("canceled"))
    freed = budget(inside)
    late = resolve(bridge, attempt, a_report("filled", a_fill("2")))
    assert late["status"] == "filled"
    assert rows(inside, "select quantity from positions") == [(2,)]
    assert budget(inside) == freed
    # A trade is a fact: it replaces what was said of the alert before it was known of.
    assert outcome_of(inside, order_id) == ("filled", None)
    assert steps(inside, order_id) == [*SENT, "canceled", "filled"]


def test_a_bridge_that_lost_the_account_records_no_cancel(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id, stalled = to_be_cancelled(inside, bridge)
    give_shard(inside, "paper-1", OTHER_WORKER)
    (inquiry,) = inquiries(inside)
    successor = asked(bridge, inquiry, OTHER_WORKER)
    with pytest.raises(psycopg.Error) as refused:
        resolve(bridge, stalled, a_report("canceled"))
    assert refused.value.sqlstate == "TR405"
    assert status_of(inside, order_id) == "pending_cancel"
    assert resolve(bridge, successor, a_report("canceled"))["status"] == "canceled"
