"""Orders come from authority only, never more than it, and never under a halt."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from backend.db.tables.orders import ORDER_STATUSES
from tests.kit import money_sessions
from tests.kit.governance import pass_proposal
from tests.kit.money import (
    a_pack,
    authorize_one,
    call,
    children_of,
    hold,
    money_database,
    scalar,
    use,
)
from tests.kit.postgres import Database

desk, conn = money_sessions.desk, money_sessions.conn


def halt(conn: Connection[Any], scope: str, scope_id: str) -> dict[str, Any]:
    item = {"halt_id": str(uuid4()), "scope": scope, "scope_id": scope_id, "reason": "test"}
    return call(conn, "governance.record_halts", item)[0]


def refused(conn: Connection[Any], item: dict[str, Any]) -> str | None:
    """Open orders and return the code that this raised."""
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        call(conn, "execution.open_orders", item)
    return caught.value.sqlstate


def test_an_authorised_intent_becomes_orders_with_their_first_event(conn: Any) -> None:
    answer = authorize_one(conn, quantity="3")
    call(conn, "execution.open_orders", children_of(answer["intent_id"], "1", "2"))
    rows = conn.execute(
        "select o.child_index, o.quantity, o.status, o.policy_hash, e.to_status"
        " from public.orders o join public.order_events e using (order_id) order by 1"
    ).fetchall()
    assert [(row[0], row[1], row[2], row[4]) for row in rows] == [
        (0, 1, "initialized", "initialized"),
        (1, 2, "initialized", "initialized"),
    ]
    assert rows[0][3] == answer["policy_hash"]
    assert scalar(conn, "select state from public.intents") == "ordered"


def test_opening_twice_opens_once(conn: Any) -> None:
    item = children_of(authorize_one(conn)["intent_id"], "1")
    for _ in range(2):
        call(conn, "execution.open_orders", item)
    assert scalar(conn, "select count(*) from public.orders") == 1
    assert scalar(conn, "select count(*) from public.order_events") == 1


def test_an_intent_that_was_ordered_yields_no_other_orders(conn: Any) -> None:
    intent_id = authorize_one(conn)["intent_id"]
    call(conn, "execution.open_orders", children_of(intent_id, "0.5"))
    assert refused(conn, children_of(intent_id, "0.5")) == "TR401"


def test_nothing_opens_without_authority(conn: Any) -> None:
    assert refused(conn, children_of(str(uuid4()), "1")) == "TR401"
    denied = authorize_one(conn, stop_loss=None)["intent_id"]
    assert refused(conn, children_of(denied, "1")) == "TR401"
    released = authorize_one(conn)["intent_id"]
    conn.execute("select risk.release_reservation(%s, 'test')", (released,))
    assert refused(conn, children_of(released, "1")) == "TR401"


def test_children_never_sum_to_more_than_was_authorised(conn: Any) -> None:
    intent_id = authorize_one(conn, quantity="2")["intent_id"]
    assert refused(conn, children_of(intent_id, "1.5", "0.51")) == "TR413"
    assert refused(conn, children_of(intent_id)) == "TR413"


def test_children_obey_the_instruments_steps(conn: Any) -> None:
    intent_id = authorize_one(conn, quantity="2")["intent_id"]
    assert refused(conn, children_of(intent_id, "0.015")) == "TR418"
    assert refused(conn, children_of(intent_id, "0.001")) == "TR418"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("update public.intents set expires_at = clock_timestamp()", "TR408"),
        ("update public.latest_quotes set received_at = received_at - interval '1 h'", "TR303"),
        ("delete from public.latest_quotes", "TR302"),
        ("update public.latest_quotes set bid = bid * 1.2, ask = ask * 1.2", "TR318"),
        ("update public.accounts set state = 'halted'", "TR305"),
    ],
)
def test_what_went_stale_since_the_authorisation_refuses(
    conn: Any, statement: str, code: str
) -> None:
    intent_id = authorize_one(conn)["intent_id"]
    conn.execute(statement.encode())
    (facts,) = call(conn, "execution.order_facts", {"intent_id": intent_id})
    assert facts["refusal"] == code
    assert refused(conn, children_of(intent_id, "1")) == code
    assert scalar(conn, "select count(*) from public.orders") == 0


def test_an_intent_of_another_policy_pack_is_refused(conn: Any) -> None:
    intent_id = authorize_one(conn)["intent_id"]
    use(conn, a_pack({"spread_bps": "7"}))
    assert refused(conn, children_of(intent_id, "1")) == "TR307"


@pytest.mark.parametrize(
    ("scope", "scope_id"),
    [
        ("platform", "*"),
        ("organization", "demo"),
        ("venue", "mt5-paper"),
        ("account", "paper-1"),
        ("strategy", "tv-smc"),
        ("instrument", "EURUSD"),
    ],
)
def test_a_halt_of_any_scope_refuses(conn: Any, scope: str, scope_id: str) -> None:
    intent_id = authorize_one(conn)["intent_id"]
    halt(conn, scope, scope_id)
    assert refused(conn, children_of(intent_id, "1")) == "TR403"
    assert authorize_one(conn)["code"] == "TR403"


def test_a_halt_elsewhere_is_no_hindrance(conn: Any) -> None:
    intent_id = authorize_one(conn)["intent_id"]
    halt(conn, "account", "paper-2")
    call(conn, "execution.open_orders", children_of(intent_id, "1"))
    assert scalar(conn, "select count(*) from public.orders") == 1


def test_reduce_only_orders_pass_a_halt(conn: Any) -> None:
    hold(conn, "EURUSD", "2")
    halt(conn, "account", "paper-1")
    answer = authorize_one(conn, side="SELL", quantity="2", reduce_only=True)
    assert answer["code"] is None
    call(conn, "execution.open_orders", children_of(answer["intent_id"], "2"))
    assert scalar(conn, "select reduce_only from public.orders") is True


def test_halting_a_halted_scope_keeps_the_first_halt(conn: Any) -> None:
    first = halt(conn, "account", "paper-1")
    second = halt(conn, "account", "paper-1")
    assert second["halt_id"] == first["halt_id"]
    assert second["repeated"]


def test_a_halt_is_lifted_by_a_passed_proposal_only(conn: Any) -> None:
    halt_id = halt(conn, "account", "paper-1")["halt_id"]
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        call(conn, "governance.lift_halts", {"halt_id": halt_id})
    assert caught.value.sqlstate == "TR512"
    pass_proposal(conn, "lift_halt", halt_id)
    call(conn, "governance.lift_halts", {"halt_id": halt_id})
    assert authorize_one(conn)["code"] is None
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        call(conn, "governance.lift_halts", {"halt_id": halt_id})
    assert caught.value.sqlstate == "TR513"


def test_a_halt_waits_for_what_opened_before_and_refuses_what_comes_after() -> None:
    with money_database() as database:
        with psycopg.connect(database.role_url("risk_agent")) as risk:
            ids = [authorize_one(risk)["intent_id"] for _ in range(2)]
        halted = threading.Event()

        def record() -> None:
            with psycopg.connect(database.role_url("desk_operator")) as operator:
                halt(operator, "platform", "*")
            halted.set()

        with psycopg.connect(database.role_url("order_agent")) as order:
            call(order, "execution.open_orders", children_of(ids[0], "1"))
            thread = threading.Thread(target=record)
            thread.start()
            # The halt cannot be recorded while an opening is under way.
            assert not halted.wait(0.3)
            order.commit()
            assert halted.wait(10)
            thread.join()
            assert refused(order, children_of(ids[1], "1")) == "TR403"


def test_only_the_order_agent_opens_orders(desk: Database) -> None:
    for role in ("risk_agent", "execution_agent", "policy_guard_agent", "desk_operator"):
        with (
            psycopg.connect(desk.role_url(role)) as other,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            call(other, "execution.open_orders", children_of(str(uuid4()), "1"))


def test_every_status_of_an_order_has_its_place_in_the_transition_table(conn: Any) -> None:
    rows = conn.execute("select from_status, to_status from execution.order_transitions").fetchall()
    assert {end for start, end in rows if start == "filled"} == {"filled"}
    assert "denied" not in {start for start, _ in rows}
    assert {start for start, end in rows if end == "initialized"} <= {"submitted"}
    states = {state for row in rows for state in row}
    assert states == set(ORDER_STATUSES)
