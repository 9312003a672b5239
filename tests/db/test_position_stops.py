"""A position's stop is tightened by whoever may change the order, and widened as new risk is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from tests.db.test_order_changes import asked_again, held, modify, order, told, working
from tests.db.test_order_changes import conn as conn
from tests.db.test_order_changes import desk as desk
from tests.kit.money import a_pack, call, scalar, use
from tests.kit.order_flow import a_fill, a_report, record


@pytest.fixture
def opened(conn: Connection[Any]) -> tuple[UUID, Any]:
    """Let an order be filled; its stop is at 1.0950."""
    order_id, attempt = working(conn)
    record(conn, attempt, a_report("filled", a_fill("2", "1.0990")))
    conn.execute("update public.orders set stop_loss = 1.0950, take_profit = 1.1500")
    return order_id, attempt


def intents(conn: Connection[Any]) -> list[Any]:
    found = conn.execute("select state, denial_code from public.intents order by created_at")
    return found.fetchall()


def test_a_tighter_stop_takes_no_authority_and_passes_a_halt(conn: Any, opened: Any):
    order_id, attempt = opened
    item = {"halt_id": str(UUID(int=1)), "scope": "account", "scope_id": "paper-1", "reason": "t"}
    call(conn, "governance.record_halts", item)
    answer = modify(conn, order_id, stop_loss="1.0970")
    assert (answer["state"], answer["status"]) == ("pending", "filled")
    assert intents(conn) == [("ordered", None)]
    prepared = asked_again(conn)
    assert (prepared["state"], prepared["change"]["kind"]) == ("sync", "stops")
    assert prepared["change"]["send"] is True
    # Whoever comes next does not send it again.
    conn.execute("delete from bus.deliveries")
    call(conn, "execution.ask_again", {"attempt_id": attempt["attempt_id"]})
    assert asked_again(conn)["change"]["send"] is False
    record(conn, attempt, told("applied", answer["change_id"]), "execution.resolve_attempts")
    assert order(conn, "status, stop_loss::text, filled_quantity::text") == (
        "filled", "1.0970", "2",
    )  # fmt: skip
    assert modify(conn, order_id, stop_loss="1.0960")["code"] == "TR403"


def test_a_wider_stop_is_judged_as_new_risk(conn: Any, opened: Any):
    order_id, attempt = opened
    answer = modify(conn, order_id, stop_loss="1.0900")
    assert answer["state"] == "pending"
    assert answer["intent_id"] is not None
    assert intents(conn) == [("ordered", None)] * 2
    # Nothing is traded by it: what was granted is on record and reserves nothing.
    assert held(conn) == (None, None)
    prepared = asked_again(conn)
    assert prepared["change"]["authorized"] is True
    refused = told("refused", answer["change_id"])
    refused["change"]["code"] = "TR414"
    record(conn, attempt, refused, "execution.resolve_attempts")
    assert order(conn, "status, stop_loss::text, change_id") == ("filled", "1.0950", None)
    assert scalar(conn, "select code from execution.order_changes") == "TR414"
    assert scalar(conn, "select count(*) from ops.broken_orders_above_intents()") == 0


@pytest.mark.parametrize(
    ("pack", "code"),
    [
        (a_pack({"order_quantity": "1"}, name="small"), "TR309"),
        (a_pack({"risk_per_trade_pct": "0.5"}, name="risk"), "TR309"),
        (a_pack(name="votes", human_approval_notional="1000"), "TR512"),
    ],
    ids=["size", "loss at the stop", "votes"],
)
def test_a_wider_stop_is_denied_by_the_limits_name(conn: Any, opened: Any, pack: Any, code: str):
    order_id, _ = opened
    use(conn, pack)
    answer = modify(conn, order_id, stop_loss="1.0900")
    assert (answer["state"], answer["status"], answer["code"]) == ("refused", "filled", code)
    assert held(conn) == (None, None)
    assert modify(conn, order_id, stop_loss=None)["code"] == "TR320"
    assert scalar(conn, "select count(*) from execution.order_changes") == 0
    assert modify(conn, order_id, stop_loss="1.0960")["code"] is None


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"stop_loss": "1.2"}, "TR225"),
        ({"take_profit": "1.05"}, "TR226"),
        ({"stop_loss": "1.09601234"}, "TR418"),
        ({"stop_loss": "-1"}, "TR418"),
        ({"quantity": "3"}, "TR418"),
        ({"stop_loss": "1.0950"}, "TR421"),
    ],
)
def test_what_no_position_can_have_is_refused(conn: Any, opened: Any, wanted: Any, code: str):
    order_id, _ = opened
    assert modify(conn, order_id, **wanted)["code"] == code


def test_what_was_certainly_not_executed_may_be_sent_again(conn: Any, opened: Any):
    order_id, attempt = opened
    answer = modify(conn, order_id, stop_loss="1.0970")
    assert modify(conn, order_id, take_profit="1.1200")["code"] == "TR420"
    assert asked_again(conn)["change"]["send"] is True
    record(conn, attempt, told("again", answer["change_id"]), "execution.resolve_attempts")
    conn.execute("delete from bus.deliveries")
    call(conn, "execution.ask_again", {"attempt_id": attempt["attempt_id"]})
    assert asked_again(conn)["change"]["send"] is True
