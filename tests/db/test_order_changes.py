"""Working orders change at the venue's word, and get more authority only by asking again."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from tests.kit.money import (
    a_pack,
    authorize_one,
    call,
    children_of,
    code_of,
    money_database,
    quote_all,
    scalar,
    use,
)
from tests.kit.order_flow import WORKER, a_fill, a_report, give_shard, open_attempt, record
from tests.kit.postgres import Database


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database:
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url) as connection:
        quote_all(connection)
        give_shard(connection, "paper-1", WORKER)
        yield connection
        connection.rollback()


def working(conn: Connection[Any], quantity: str = "2", **terms: Any) -> tuple[UUID, Any]:
    """Let the venue work an order: a limit unless the terms say otherwise."""
    answer = authorize_one(conn, quantity=quantity, order_type="limit", reference_price="1.0990")
    item = children_of(answer["intent_id"], quantity)
    item["children"][0] |= {"limit_price": "1.0990", "time_in_force": "GTC", **terms}
    call(conn, "execution.open_orders", item)
    order_id = UUID(item["children"][0]["order_id"])
    attempt = open_attempt(conn, order_id)
    assert attempt["state"] == "opened", attempt
    record(conn, attempt, a_report("accepted"))
    return order_id, attempt


def modify(conn: Connection[Any], order_id: UUID, **wanted: Any) -> dict[str, Any]:
    item = {"order_id": str(order_id), "wanted": wanted, "reason": "test"}
    return call(conn, "execution.modify_orders", item)[0]


def cancel(conn: Connection[Any], order_id: UUID) -> dict[str, Any]:
    item = {"order_id": str(order_id), "reason": "test"}
    return call(conn, "execution.cancel_orders", item)[0]


def told(state: str, change_id: str, status: str = "accepted", *fills: Any) -> dict[str, Any]:
    """Give a report in which the venue answered to a change."""
    change = {"change_id": change_id, "state": state, "code": None, "message": f"{state} there"}
    return a_report(status, *fills, change=change)


def order(conn: Connection[Any], columns: str) -> tuple[Any, ...]:
    row = conn.execute(f"select {columns} from public.orders".encode()).fetchone()
    assert row is not None
    return row


def held(conn: Connection[Any]) -> tuple[Any, ...]:
    row = conn.execute(
        "select sum(quantity), sum(remaining_quantity) from risk.reservations"
        " where released_at is null"
    ).fetchone()
    assert row is not None
    return row


def asked_again(conn: Connection[Any]) -> dict[str, Any]:
    """Take up the inquiry that waits for the bridge."""
    inquiry = scalar(
        conn, "select msg_id from bus.deliveries where row_kind = 'inquiry' order by created_at"
    )
    item = {"inquiry_id": str(inquiry), "worker_id": str(WORKER)}
    return call(conn, "execution.open_attempts", item)[0]


def test_terms_that_lower_the_stakes_change_when_the_venue_has_applied_them(conn: Any):
    order_id, attempt = working(conn)
    answer = modify(conn, order_id, limit_price="1.0980", stop_loss="1.0960")
    assert (answer["state"], answer["status"]) == ("pending", "pending_update")
    prepared = asked_again(conn)
    assert (prepared["state"], prepared["status"]) == ("sync", "pending_update")
    asked = prepared["change"]
    assert (asked["change_id"], asked["kind"]) == (answer["change_id"], "modify")
    assert asked["wanted"] == {"limit_price": "1.0980", "stop_loss": "1.0960"}
    assert order(conn, "limit_price") == (Decimal("1.0990"),)
    record(conn, attempt, told("applied", answer["change_id"]))
    assert order(conn, "status, limit_price, stop_loss, change_id") == (
        "accepted", Decimal("1.0980"), Decimal("1.0960"), None,
    )  # fmt: skip
    assert scalar(conn, "select state from execution.order_changes") == "applied"
    assert scalar(conn, "select count(*) from public.intents") == 1


def test_a_change_that_the_venue_refuses_leaves_the_order_as_it_was(conn: Any):
    order_id, attempt = working(conn)
    record(conn, attempt, a_report("partially_filled", a_fill("0.5")))
    answer = modify(conn, order_id, limit_price="1.0980")
    record(conn, attempt, told("refused", answer["change_id"], "partially_filled"))
    assert order(conn, "status, limit_price") == ("partially_filled", Decimal("1.0990"))
    assert scalar(conn, "select state from execution.order_changes") == "refused"


@pytest.mark.parametrize(
    "wanted", [{"quantity": "3"}, {"limit_price": "1.0995"}, {"stop_loss": "1.0900"}]
)
def test_terms_that_raise_the_stakes_are_authorised_afresh(conn: Any, wanted: dict[str, str]):
    order_id, attempt = working(conn)
    answer = modify(conn, order_id, **wanted)
    assert answer["state"] == "pending"
    assert answer["intent_id"] is not None
    assert scalar(conn, "select count(*) from public.intents where state = 'ordered'") == 2
    size = Decimal(wanted.get("quantity", "2"))
    assert held(conn) == (size, size)
    record(conn, attempt, told("applied", answer["change_id"]))
    assert order(conn, "status, quantity") == ("accepted", size)
    record(conn, attempt, a_report("filled", a_fill(str(size), "1.0990")))
    assert held(conn) == (None, None)
    assert scalar(conn, "select count(*) from ops.broken_orders_above_intents()") == 0


def test_what_a_refused_raise_had_reserved_goes_back(conn: Any):
    order_id, attempt = working(conn)
    before = conn.execute("select quantity, notional from risk.reservations").fetchall()
    answer = modify(conn, order_id, quantity="3")
    record(conn, attempt, told("refused", answer["change_id"]))
    after = conn.execute(
        "select quantity, notional from risk.reservations where released_at is null"
    ).fetchall()
    assert after == before
    assert held(conn) == (2, 2)


def test_more_than_authority_allows_is_refused_with_its_code_and_reserves_nothing(conn: Any):
    order_id, _ = working(conn)
    use(conn, a_pack({"order_quantity": "2"}, name="tight"))
    answer = modify(conn, order_id, quantity="5")
    assert (answer["state"], answer["status"], answer["code"]) == ("refused", "accepted", "TR309")
    assert held(conn) == (2, 2)
    assert scalar(conn, "select count(*) from execution.order_changes") == 0


def test_a_raise_that_would_need_peoples_votes_is_refused(conn: Any):
    order_id, _ = working(conn)
    use(conn, a_pack(name="votes", human_approval_notional="1000"))
    assert modify(conn, order_id, quantity="5")["code"] == "TR512"
    assert held(conn) == (2, 2)


def test_a_raise_passes_no_halt_and_a_cancel_passes_every_one(conn: Any):
    order_id, attempt = working(conn)
    item = {"halt_id": str(UUID(int=1)), "scope": "account", "scope_id": "paper-1", "reason": "t"}
    call(conn, "governance.record_halts", item)
    assert modify(conn, order_id, quantity="3")["code"] == "TR403"
    assert cancel(conn, order_id)["status"] == "pending_cancel"
    record(conn, attempt, a_report("canceled"))
    assert order(conn, "status") == ("canceled",)
    assert scalar(conn, "select state from execution.order_changes") == "applied"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"limit_price": "1.0990"}, "TR421"),
        ({"quantity": "0.005"}, "TR418"),
        ({"limit_price": None}, "TR418"),
        ({"limit_price": "1.098001"}, "TR418"),
        ({"stop_price": "1.2"}, "TR418"),
        ({"side": "SELL"}, "TR418"),
        ({"stop_loss": "1.2"}, "TR225"),
        ({"take_profit": "1.0"}, "TR226"),
        ({"good_till": "2099-01-01T00:00:00Z"}, "TR411"),
    ],
)
def test_terms_that_cannot_be_are_refused_with_a_code(conn: Any, wanted: Any, code: str):
    order_id, _ = working(conn)
    assert modify(conn, order_id, **wanted)["code"] == code
    assert order(conn, "status") == ("accepted",)


def test_one_change_at_a_time_and_a_cancel_takes_the_place_of_an_update(conn: Any):
    order_id, attempt = working(conn)
    first = modify(conn, order_id, limit_price="1.0980")
    assert modify(conn, order_id, limit_price="1.0970")["code"] == "TR420"
    assert cancel(conn, order_id)["status"] == "pending_cancel"
    assert cancel(conn, order_id)["repeated"]
    record(conn, attempt, told("applied", first["change_id"]))
    assert order(conn, "status") == ("pending_cancel",)
    refused = scalar(conn, "select change_id::text from public.orders")
    record(conn, attempt, told("refused", refused))
    assert order(conn, "status, change_id") == ("accepted", None)


def test_a_fill_that_comes_before_the_change_decides(conn: Any):
    order_id, attempt = working(conn)
    modify(conn, order_id, limit_price="1.0980")
    record(conn, attempt, a_report("partially_filled", a_fill("0.5", "1.0990")))
    assert order(conn, "status, filled_quantity") == ("pending_update", Decimal("0.5"))
    record(conn, attempt, a_report("filled", a_fill("1.5", "1.0990")))
    assert order(conn, "status, limit_price") == ("filled", Decimal("1.0990"))
    assert scalar(conn, "select state from execution.order_changes") == "superseded"


def test_an_unsent_order_is_cancelled_at_once_and_an_unanswered_one_not(conn: Any):
    answer = authorize_one(conn)
    item = children_of(answer["intent_id"], "1")
    call(conn, "execution.open_orders", item)
    order_id = UUID(item["children"][0]["order_id"])
    assert cancel(conn, order_id)["status"] == "canceled"
    assert held(conn) == (None, None)
    other = children_of(authorize_one(conn)["intent_id"], "1")
    call(conn, "execution.open_orders", other)
    sent = UUID(other["children"][0]["order_id"])
    open_attempt(conn, sent)
    with pytest.raises(psycopg.Error) as caught:
        cancel(conn, sent)
    assert code_of(caught.value) == "TR402"


def test_a_trailing_stop_follows_the_market_and_never_back(conn: Any):
    terms = {"order_type": "trailing", "limit_price": None, "stop_price": "1.1050",
             "trail_distance": "0.0050"}  # fmt: skip
    order_id, attempt = working(conn, **terms)
    conn.execute("update public.latest_quotes set bid = 1.0950, ask = 1.0952"
                 " where symbol = 'EURUSD'")  # fmt: skip
    call(conn, "execution.ask_again", {"attempt_id": attempt["attempt_id"]})
    prepared = asked_again(conn)
    assert prepared["status"] == "pending_update"
    assert Decimal(prepared["change"]["wanted"]["stop_price"]) == Decimal("1.1002")
    record(conn, attempt, told("applied", prepared["change"]["change_id"]))
    assert order(conn, "status, stop_price") == ("accepted", Decimal("1.1002"))
    quote_all(conn)
    conn.execute("delete from bus.deliveries")
    call(conn, "execution.ask_again", {"attempt_id": attempt["attempt_id"]})
    assert asked_again(conn)["status"] == "accepted"
    assert scalar(conn, "select count(*) from public.intents") == 1
    assert order_id is not None


def test_an_order_past_its_time_is_withdrawn_when_the_venue_did_not(conn: Any):
    _, attempt = working(conn, time_in_force="GTD", good_till="2099-01-01T00:00:00Z")
    conn.execute("update public.orders set good_till = clock_timestamp() - interval '1 minute'")
    call(conn, "execution.ask_again", {"attempt_id": attempt["attempt_id"]})
    prepared = asked_again(conn)
    assert (prepared["status"], prepared["change"]["kind"]) == ("pending_cancel", "cancel")


def test_a_stop_limit_is_triggered_before_it_is_filled(conn: Any):
    terms = {"order_type": "stop_limit", "stop_price": "1.1010", "limit_price": "1.1015"}
    _, attempt = working(conn, **terms)
    record(conn, attempt, a_report("triggered"))
    assert order(conn, "status") == ("triggered",)
    record(conn, attempt, a_report("accepted"))
    assert order(conn, "status") == ("triggered",)
    record(conn, attempt, a_report("filled", a_fill("2", "1.1014")))
    steps = conn.execute(
        "select to_status from public.order_events order by occurred_at"
    ).fetchall()
    assert [s for (s,) in steps][-2:] == ["triggered", "filled"]


def test_more_than_was_ordered_is_recorded_and_told_and_halts_nothing(conn: Any):
    _, attempt = working(conn)
    record(conn, attempt, a_report("filled", a_fill("2", "1.0990"), a_fill("0.5", "1.0990")))
    assert order(conn, "status, filled_quantity, overfilled_quantity") == (
        "filled", 2, Decimal("0.5"),
    )  # fmt: skip
    assert scalar(conn, "select quantity from public.positions") == Decimal("2.5")
    assert scalar(conn, "select severity from ops.incidents where kind = 'order_overfilled'")
    assert scalar(conn, "select code from public.order_events where to_status = 'filled'")
    assert scalar(conn, "select count(*) from governance.halts") == 0
    assert scalar(conn, "select count(*) from ops.broken_orders_of_fills()") == 0
