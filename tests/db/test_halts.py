"""Halts are exact, name their cause, are acknowledged, and are lifted by their quorum only."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from tests.kit.governance import a_vote, as_voter, open_proposal, people
from tests.kit.money import (
    authorize_one,
    call,
    children_of,
    hold,
    money_database,
    quote_all,
    scalar,
)
from tests.kit.postgres import Database

SCOPES = [
    ("platform", "*"),
    ("organization", "demo"),
    ("venue", "mt5-paper"),
    ("account", "paper-1"),
    ("strategy", "tv-smc"),
    ("instrument", "EURUSD"),
]


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with (
        money_database() as database,
        people(database, "alice"),
        people(database, "dave", role="auditor"),
    ):
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url) as connection:
        quote_all(connection)
        yield connection
        connection.rollback()


def a_halt(scope: str = "account", scope_id: str = "paper-1", **changes: Any) -> dict[str, Any]:
    item = {"halt_id": str(uuid4()), "scope": scope, "scope_id": scope_id, "reason": "test"}
    return {**item, **changes}


def halt(conn: Connection[Any], *scope: str, **changes: Any) -> dict[str, Any]:
    return call(conn, "governance.record_halts", a_halt(*scope, **changes))[0]


def refusal(conn: Connection[Any], procedure: str, item: dict[str, Any]) -> str | None:
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        call(conn, procedure, item)
    return caught.value.sqlstate


def opened(conn: Connection[Any], **changes: Any) -> str:
    """Open one order. Returns its id."""
    children = children_of(authorize_one(conn, **changes)["intent_id"], "1")
    call(conn, "execution.open_orders", children)
    return children["children"][0]["order_id"]


def work(conn: Connection[Any], order_id: str) -> None:
    """Let the venue have accepted the order."""
    for status in ("submitted", "accepted"):
        conn.execute(
            "select execution.move_orders(jsonb_build_array(jsonb_build_object('order_id',"
            " %s::text, 'to_status', %s::text)), 'test', clock_timestamp())",
            (order_id, status),
        )


@pytest.mark.parametrize(("scope", "scope_id"), SCOPES)
def test_a_halt_of_each_scope_refuses_within_the_transaction_that_records_it(
    conn: Any, scope: str, scope_id: str
) -> None:
    children = children_of(authorize_one(conn)["intent_id"], "1")
    halt(conn, scope, scope_id)
    assert refusal(conn, "execution.open_orders", children) == "TR403"
    assert authorize_one(conn)["code"] == "TR403"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scope_id": "nobody"}, "TR515"),
        ({"scope": "planet"}, "TR515"),
        ({"scope": "platform", "scope_id": "everything"}, "TR515"),
        ({"scope_id": None}, "TR515"),
        ({"reason": " "}, "TR507"),
    ],
)
def test_a_halt_of_nothing_or_for_nothing_is_refused(
    conn: Any, changes: dict[str, Any], code: str
) -> None:
    assert refusal(conn, "governance.record_halts", a_halt(**changes)) == code


def test_a_halt_stays_on_record_as_it_was(conn: Any) -> None:
    halt(conn)
    for statement in (
        "delete from governance.halts",
        "update governance.halts set reason = 'other'",
        "update governance.halts set scope_id = 'paper-2'",
    ):
        with pytest.raises(psycopg.Error) as caught, conn.transaction():
            conn.execute(statement.encode())
        assert caught.value.sqlstate == "TR514"


def test_working_orders_are_left_unless_the_halt_says_otherwise(conn: Any) -> None:
    order_id = opened(conn)
    assert halt(conn)["orders_cancelled"] == 0
    assert scalar(conn, "select status from orders where order_id = %s", order_id) == "initialized"


def test_a_later_cause_cancels_what_the_standing_halt_had_left(conn: Any) -> None:
    order_id = opened(conn)
    first = halt(conn)
    again = halt(conn, cancel_working_orders=True)
    assert (again["halt_id"], again["repeated"]) == (first["halt_id"], True)
    assert again["orders_cancelled"] == 1
    assert scalar(conn, "select status from orders where order_id = %s", order_id) == "denied"
    held = scalar(conn, "select detail -> 'cancelled_for' ->> 'cause' from governance.halts")
    assert held == "requested"
    # Harder once, never softer, and not twice.
    assert halt(conn, cancel_working_orders=True)["orders_cancelled"] == 0
    assert halt(conn)["repeated"] is True
    assert scalar(conn, "select cancel_working_orders from governance.halts") is True
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        conn.execute("update governance.halts set cancel_working_orders = false")
    assert caught.value.sqlstate == "TR514"


def test_whoever_sits_on_the_keys_of_a_scope_keeps_no_halt_away(conn: Any, desk: Database) -> None:
    with psycopg.connect(desk.superuser_url) as sitting:
        sitting.execute(
            "select pg_advisory_lock_shared(hashtextextended('halt/account/paper-1', 0))"
        )
        assert halt(conn)["repeated"] is False
    assert scalar(conn, "show lock_timeout") == "0"
    assert authorize_one(conn)["code"] == "TR403"


def test_a_cancelling_halt_ends_what_was_not_sent_and_asks_for_the_rest(conn: Any) -> None:
    unsent, working = opened(conn), opened(conn)
    elsewhere = opened(conn, account_id="paper-2")
    work(conn, working)
    hold(conn, "USDJPY", "2")
    reducing = opened(
        conn, symbol="USDJPY", side="SELL", reduce_only=True, reference_price="150.00",
        stop_loss=None, take_profit=None,
    )  # fmt: skip
    answer = halt(conn, cancel_working_orders=True)
    assert answer["orders_cancelled"] == 2
    statuses = dict(conn.execute("select order_id::text, status from orders").fetchall())
    assert statuses == {
        unsent: "denied",
        working: "pending_cancel",
        elsewhere: "initialized",
        reducing: "initialized",
    }
    held = (
        "select count(*) from risk.reservations r join orders o using (intent_id)"
        " where o.order_id = %s and r.released_at is null"
    )
    assert [scalar(conn, held, order) for order in (unsent, working)] == [0, 1]
    event = (
        "select code || ' ' || recorded_by || ' ' || (detail ->> 'halt_id') from order_events"
        " where order_id = %s and to_status = 'pending_cancel'"
    )
    assert scalar(conn, event, working) == f"TR403 halt {answer['halt_id']}"
    assert halt(conn, cancel_working_orders=True)["orders_cancelled"] == 0


def test_what_the_venue_accepts_under_a_cancelling_halt_is_cancelled_too(conn: Any) -> None:
    order_id = opened(conn)
    conn.execute(
        "select execution.move_orders(jsonb_build_array(jsonb_build_object('order_id', %s::text,"
        " 'to_status', 'submitted')), 'test', clock_timestamp())",
        (order_id,),
    )
    assert halt(conn, cancel_working_orders=True)["orders_cancelled"] == 0
    conn.execute("update public.orders set status = 'accepted'")
    conn.execute("select governance.acknowledge_halts(gen_random_uuid())")
    assert scalar(conn, "select status from orders") == "pending_cancel"


def test_lifting_takes_the_sentinel_compliance_and_a_person(conn: Any, desk: Database) -> None:
    halt_id = halt(conn)["halt_id"]
    proposal_id = open_proposal(conn, "lift_halt", halt_id)
    voters = ("risk_sentinel_agent", "compliance_agent", f"alice_{desk.name}")
    for voter in voters:
        assert authorize_one(conn)["code"] == "TR403"
        as_voter(conn, voter)
        call(conn, "governance.cast_votes", a_vote(proposal_id))
        conn.execute("reset session authorization")
    assert authorize_one(conn)["code"] is None
    row = conn.execute("select lifted_by, lift_proposal_id::text from governance.halts").fetchone()
    assert row == (f"alice_{desk.name}", proposal_id)
    assert scalar(conn, "select state from proposals") == "executed"
    assert refusal(conn, "governance.lift_halts", {"halt_id": halt_id}) == "TR513"
    # The scope can be halted again, under a new halt.
    assert halt(conn)["halt_id"] != halt_id


def test_other_personas_have_no_say_in_lifting(conn: Any) -> None:
    proposal_id = open_proposal(conn, "lift_halt", halt(conn)["halt_id"])
    as_voter(conn, "strategy_analyst_agent")
    assert refusal(conn, "governance.cast_votes", a_vote(proposal_id)) == "TR501"


def test_a_halt_that_does_not_stand_is_not_proposed_to_be_lifted(conn: Any) -> None:
    item = {"proposal_id": str(uuid4()), "org_id": "demo", "kind": "lift_halt"}
    for subject in (str(uuid4()), "nonsense"):
        code = refusal(conn, "governance.open_proposals", {**item, "subject": subject})
        assert code == "TR513"


CAUSES = [
    ("risk_sentinel_agent", "loss_limit", None),
    ("risk_sentinel_agent", "policy_mismatch", None),
    ("risk_sentinel_agent", "audit_failure", "TR516"),
    ("supervisor_agent", "connectivity", None),
    ("supervisor_agent", "reconciliation", None),
    ("supervisor_agent", "loss_limit", "TR516"),
    ("desk_operator", "audit_failure", None),
    ("desk_operator", "loss_limit", "TR516"),
    ("desk_operator", "bad_mood", "TR516"),
    ("dave", "audit_failure", None),
    ("dave", "connectivity", "TR516"),
    ("alice", "audit_failure", "42501"),
    ("risk_agent", "loss_limit", "42501"),
    ("execution_agent", "connectivity", "42501"),
]


@pytest.mark.parametrize(("who", "cause", "code"), CAUSES)
def test_whoever_watches_a_cause_halts_for_it_and_nobody_else(
    conn: Any, desk: Database, who: str, cause: str, code: str | None
) -> None:
    login = f"{who}_{desk.name}" if who in ("alice", "dave") else who
    as_voter(conn, login)
    item = a_halt(cause=cause, detail={"seen": "7"})
    if code is not None:
        assert refusal(conn, "governance.halt_automatically", item) == code
        conn.execute("reset session authorization")
        assert scalar(conn, "select count(*) from governance.halts") == 0
        return
    answers = [call(conn, "governance.halt_automatically", item)[0] for _ in range(2)]
    conn.execute("reset session authorization")
    assert answers[0]["halt_id"] == answers[1]["halt_id"]
    row = conn.execute(
        "select cause, requested_by, detail ->> 'seen' from governance.halts"
    ).fetchall()
    assert row == [(cause, login, "7")]


@pytest.mark.parametrize("who", ["risk_agent", "alice", "dave", "desk_api"])
def test_who_may_not_halt_by_hand(conn: Any, desk: Database, who: str) -> None:
    as_voter(conn, f"{who}_{desk.name}" if who in ("alice", "dave") else who)
    assert refusal(conn, "governance.record_halts", a_halt()) == "42501"


def register(conn: Connection[Any], agent: str, process_id: str, progress: str) -> str:
    """Register a worker whose loop came round at that distance from now. Returns its id."""
    conn.execute(
        "insert into bus.agents (agent, role_name, depth_max, max_attempts, backoff_base_ms,"
        " backoff_cap_ms, lease_ms, batch_max) values (%s, %s, 1, 1, 1, 1, 10000, 1)"
        " on conflict do nothing",
        (agent, f"{agent}_agent"),
    )
    worker_id = str(uuid4())
    conn.execute(
        "insert into bus.workers (worker_id, process_id, agent, host, pid, version, started_at,"
        " lease_until, draining, progress_at) values (%s, %s, %s, 'h', 1, 'v',"
        " clock_timestamp() - interval '1 h', clock_timestamp() + interval '1 minute', false,"
        " clock_timestamp() + %s::interval)",
        (worker_id, process_id, agent, progress),
    )
    return worker_id


def unheard(conn: Connection[Any]) -> list[list[str]]:
    (facts,) = call(conn, "ops.supervision_facts", {"invariants": False})
    return [row["agents"] for row in facts["halts_unheard"]]


def test_an_agent_acknowledges_once_its_loop_came_round_under_the_halt(conn: Any) -> None:
    process_id = str(uuid4())
    register(conn, "order", process_id, "1 minute")
    register(conn, "execution", process_id, "-1 minute")
    acknowledge = "select governance.acknowledge_halts(%s)"
    assert scalar(conn, acknowledge, process_id) == 0
    halt(conn)
    assert [scalar(conn, acknowledge, process_id) for _ in range(2)] == [1, 0]
    assert scalar(conn, "select agent from governance.halt_acknowledgements") == "order"
    assert unheard(conn) == []
    conn.execute("set local session_replication_role = replica")
    conn.execute("update governance.halts set halted_at = halted_at - interval '6 seconds'")
    conn.execute("set local session_replication_role = origin")
    assert unheard(conn) == [["execution"]]
    conn.execute("update bus.workers set progress_at = clock_timestamp() + interval '1 minute'")
    assert scalar(conn, acknowledge, process_id) == 1
    assert unheard(conn) == []


def test_nothing_is_opened_after_a_halt_however_many_race(desk: Database) -> None:
    with psycopg.connect(desk.role_url("risk_agent")) as risk:
        with psycopg.connect(desk.superuser_url) as quotes:
            quote_all(quotes)
        intents = [authorize_one(risk, account_id="paper-2")["intent_id"] for _ in range(12)]
    url, halting = desk.role_url("order_agent"), desk.role_url("desk_operator")
    started = threading.Barrier(len(intents) + 1)

    def open_one(intent_id: str) -> str | None:
        with psycopg.connect(url) as order:
            started.wait(20)
            try:
                call(order, "execution.open_orders", children_of(intent_id, "1"))
            except psycopg.Error as refused:
                return refused.sqlstate
            order.commit()
            return None

    def stop() -> int:
        with psycopg.connect(halting) as operator:
            started.wait(20)
            halt(operator, "account", "paper-2")
            operator.commit()
        with psycopg.connect(desk.superuser_url) as conn:
            return scalar(conn, "select count(*) from orders where account_id = 'paper-2'")

    with ThreadPoolExecutor(len(intents) + 1) as threads:
        stopping = threads.submit(stop)
        outcomes = list(threads.map(open_one, intents))
    with psycopg.connect(desk.superuser_url) as conn:
        after = scalar(conn, "select count(*) from orders where account_id = 'paper-2'")
    assert set(outcomes) <= {None, "TR403"}
    # What was there when the halt was committed is all there ever is.
    assert stopping.result() == after == outcomes.count(None)


def test_the_supervisor_sees_since_when_a_venue_leaves_attempts_unanswered(conn: Any) -> None:
    order_id = opened(conn)
    conn.execute(
        "insert into execution.attempts (attempt_id, order_id, client_order_id, magic, account_id,"
        " worker_id, account_epoch, state, opened_at) values (%s, %s, 'c', 1, 'paper-1', %s, 1,"
        " 'unknown', clock_timestamp() - interval '3 minutes')",
        (uuid4(), order_id, uuid4()),
    )
    (facts,) = call(conn, "ops.supervision_facts", {"invariants": False})
    (silent,) = facts["venues_unanswering"]
    assert (silent["venue_id"], silent["attempts"]) == ("mt5-paper", 1)
    as_voter(conn, "supervisor_agent")
    item = a_halt("venue", "mt5-paper", cause="connectivity")
    call(conn, "governance.halt_automatically", item)
    (facts,) = call(conn, "ops.supervision_facts", {"invariants": False})
    assert facts["venues_unanswering"] == []
