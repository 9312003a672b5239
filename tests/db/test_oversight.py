"""Treasury, supervisor and orchestrator on a real database: what they see, say and keep."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from backend.ports import SystemClock
from tests.kit.bus import Worker, new_id, session
from tests.kit.oversight import Overseen, ago, overseen_desk
from tests.kit.trading_desk import ask
from workers.replaying import replay


@pytest.fixture(scope="module")
def desk() -> Generator[Overseen]:
    """Lend one overseen desk to the module."""
    with overseen_desk() as desk:
        yield desk


@pytest.fixture(autouse=True)
def _clean(desk: Overseen) -> None:
    """Begin each test without incidents, workers, balances and events."""
    with desk.behind() as conn:
        conn.execute(
            "truncate ops.incidents, ops.job_runs, ops.desired_agents, ops.feature_flags,"
            " bus.workers, bus.deliveries, bus.dead_letters, bus.parked_keys, bus.events,"
            " treasury.states, treasury.balances, public.positions, public.fills,"
            " public.orders, public.intents, public.signals_raw, public.alert_outcomes,"
            " execution.attempts, risk.reservations, public.decision_traces cascade"
        )


def fund(desk: Overseen, cash: str = "100000", age_s: int = 0) -> None:
    with desk.behind() as conn:
        conn.execute(
            "insert into treasury.balances (org_id, currency, cash, equity, as_of)"
            " values ('demo', 'USD', %s, %s, clock_timestamp() - %s * interval '1 second')",
            (cash, cash, age_s),
        )


def statuses(desk: Overseen) -> list[dict[str, Any]]:
    return desk.rows(
        "select payload, ordering_key from bus.events where type = 'treasury.status.v1'"
        " order by seq"
    )


def incidents(desk: Overseen, state: str = "open") -> set[tuple[str, str]]:
    rows = desk.rows("select kind, subject from ops.incidents where state = %s", state)
    return {(row["kind"], row["subject"]) for row in rows}


def test_treasury_publishes_keeps_and_traces_its_first_status(desk: Overseen):
    fund(desk)

    desk.tick("treasury")

    (status,) = statuses(desk)
    assert status["ordering_key"] == "demo"
    assert status["payload"]["nav"] == "100000"
    (state,) = desk.rows("select * from treasury.states")
    assert (state["org_id"], state["throttle"]) == ("demo", 1)
    (balance,) = desk.rows("select buffer_min from treasury.balances")
    assert balance["buffer_min"] == state["buffer_min"] == 20_000
    (trace,) = desk.traces("treasury")
    assert "first status" in trace["explanation"]


def test_treasury_says_the_same_again_after_half_a_minute_and_leaves_no_trace(desk: Overseen):
    fund(desk)
    desk.tick("treasury")

    desk.tick("treasury")
    assert len(statuses(desk)) == 1
    desk.tick("treasury", SystemClock().now() + timedelta(seconds=31))
    assert len(statuses(desk)) == 2
    assert len(desk.traces("treasury")) == 1


def test_treasury_stops_everything_while_a_position_cannot_be_valued(desk: Overseen):
    fund(desk)
    with desk.behind() as conn:
        conn.execute(
            "insert into positions (account_id, symbol, org_id, quantity, average_price)"
            " values ('paper-1', 'GBPUSD', 'demo', 1, 1.25)"
        )

    desk.tick("treasury")

    (state,) = desk.rows("select throttle, reasons from treasury.states")
    assert (state["throttle"], state["reasons"]) == (0, ["EXPOSURE_UNVALUED"])


def test_an_older_status_does_not_replace_a_newer_one(desk: Overseen):
    fund(desk)
    desk.tick("treasury")
    (before,) = desk.rows("select * from treasury.states")
    item = {**before, "reasons": [], "nav": "1", "recorded_at": ago(hours=1).isoformat()}
    with session(desk.database, "treasury_agent") as conn:
        ask(conn, "treasury.record_status", item)
    assert desk.rows("select * from treasury.states") == [before]


def test_supervisor_opens_what_is_wrong_once_and_closes_it_when_it_is_over(desk: Overseen):
    with session(desk.database, "risk_agent") as conn:
        Worker(conn).register()
    with desk.behind() as conn:
        conn.execute("update bus.workers set started_at = started_at - interval '1 hour'")

    desk.tick("supervisor")
    desk.tick("supervisor")

    assert ("AGENT_ABSENT", "order") in incidents(desk)
    assert ("AGENT_ABSENT", "risk") not in incidents(desk)
    (trace,) = desk.traces("supervisor")
    assert "opened AGENT_ABSENT:order" in trace["explanation"]

    with session(desk.database, "order_agent") as conn:
        Worker(conn).register()
    desk.tick("supervisor")
    assert ("AGENT_ABSENT", "order") in incidents(desk, "closed")


def test_supervisor_sees_queues_dead_letters_and_silent_workers(desk: Overseen):
    with session(desk.database, "risk_agent") as conn:
        Worker(conn).register()
    with desk.behind() as conn:
        conn.execute(
            "update bus.workers set started_at = started_at - interval '1 hour',"
            " lease_until = clock_timestamp() - interval '1 minute'"
        )
        conn.execute(
            "insert into bus.deliveries (agent, shard, ordering_key, msg_id, row_kind,"
            " correlation_id, org_id, created_at) values ('risk', 0, 'a', gen_random_uuid(),"
            " 'approved', gen_random_uuid(), 'demo', clock_timestamp() - interval '1 minute')"
        )
        conn.execute(
            "insert into bus.dead_letters (dead_letter_id, agent, msg_id, ordering_key,"
            " correlation_id, org_id, code, error, attempts) values (gen_random_uuid(), 'risk',"
            " gen_random_uuid(), 'a', gen_random_uuid(), 'demo', 'TR120', 'x', 5)"
        )
    with session(desk.database, "order_agent") as conn:
        Worker(conn).register()
    with desk.behind() as conn:
        conn.execute("update bus.workers set started_at = started_at - interval '1 hour'")

    desk.tick("supervisor")

    assert {("AGENT_SILENT", "risk"), ("QUEUE_STALLED", "risk"), ("DEAD_LETTERS", "risk")} <= (
        incidents(desk)
    )


def test_a_key_that_is_parked_on_purpose_is_no_stall(desk: Overseen):
    with desk.behind() as conn:
        conn.execute(
            "insert into bus.deliveries (agent, shard, ordering_key, msg_id, row_kind,"
            " correlation_id, org_id, created_at) values ('risk', 0, 'a', gen_random_uuid(),"
            " 'approved', gen_random_uuid(), 'demo', clock_timestamp() - interval '1 minute')"
        )
        conn.execute(
            "insert into bus.parked_keys (agent, ordering_key, until, msg_id, reason) values"
            " ('risk', 'a', clock_timestamp() + interval '1 minute', gen_random_uuid(), 'x')"
        )

    desk.tick("supervisor")

    assert ("QUEUE_STALLED", "risk") not in incidents(desk)


def test_an_incident_is_one_open_row_per_kind_and_subject(desk: Overseen):
    item = {"kind": "K", "subject": "s", "severity": "WARN", "detail": {"text": "x"}}
    with session(desk.database, "supervisor_agent") as conn:
        (first,) = ask(conn, "ops.open_incidents", item | {"incident_id": new_id()})
        (again,) = ask(conn, "ops.open_incidents", item | {"incident_id": new_id()})
        assert first["incident_id"] == again["incident_id"]
        ask(conn, "ops.close_incidents", item)
        ask(conn, "ops.close_incidents", item)
        (later,) = ask(conn, "ops.open_incidents", item | {"incident_id": new_id()})
    assert later["incident_id"] != first["incident_id"]


def test_orchestrator_says_each_difference_once_and_drains_on_request(desk: Overseen):
    with session(desk.database, "risk_agent") as conn:
        Worker(conn).register()
    with session(desk.database, "desk_operator") as conn:
        ask(conn, "ops.set_desired_agents", {"agent": "risk", "desired": 2, "draining": True})
        ask(conn, "ops.set_flags", {"flag": "strategy.tv-smc", "enabled": True})

    desk.tick("orchestrator")
    desk.tick("orchestrator")

    notes = desk.rows(
        "select payload from bus.events where type = 'strategy.blackboard.v1' order by seq"
    )
    said = {(n["payload"]["topic"], n["payload"]["key"]): n["payload"]["note"] for n in notes}
    assert len(said) == len(notes)
    assert said["ops.agents", "risk"] == {
        "desired": "2",
        "alive": "1",
        "missing": "1",
        "draining": "true",
    }
    assert said["ops.flags", "strategy.tv-smc"] == {"enabled": "true"}
    assert desk.rows("select draining from bus.workers") == [{"draining": True}]
    assert len(desk.traces("orchestrator")) == 1


@pytest.mark.parametrize("agent", ["treasury", "supervisor", "orchestrator"])
def test_what_oversight_decided_can_be_decided_again_bit_for_bit(desk: Overseen, agent: str):
    fund(desk)
    with session(desk.database, "risk_agent") as conn:
        Worker(conn).register()
    with desk.behind() as conn:
        conn.execute("update bus.workers set started_at = started_at - interval '1 hour'")

    desk.tick(agent)

    (trace,) = desk.traces(agent)
    assert replay(trace, None).same


def test_an_operator_cannot_want_an_agent_that_nobody_declared(desk: Overseen):
    with (
        session(desk.database, "desk_operator") as conn,
        pytest.raises(psycopg.Error) as caught,
    ):
        ask(conn, "ops.set_desired_agents", {"agent": "nobody", "desired": 1})
    assert caught.value.sqlstate == "TR122"


@pytest.mark.parametrize(
    "procedure",
    [
        "treasury.status_facts",
        "treasury.record_status",
        "ops.supervision_facts",
        "ops.open_incidents",
        "ops.close_incidents",
        "ops.orchestration_facts",
        "ops.drain_workers",
        "ops.record_observed",
        "ops.record_announced",
        "ops.set_desired_agents",
        "ops.set_flags",
    ],
)
def test_no_other_agent_may_call_what_oversight_calls(desk: Overseen, procedure: str):
    with (
        session(desk.database, "portfolio_agent") as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        ask(conn, procedure, {})


LATELY = "clock_timestamp() - interval '20 minutes'"
ORDER = (
    "insert into orders (order_id, intent_id, child_index, correlation_id, org_id, account_id,"
    " strategy_id, venue_id, symbol, side, order_type, quantity, filled_quantity, average_price,"
    " reference_price, time_in_force, algorithm, latency_class, mode, status, policy_hash,"
    " expires_at) values (gen_random_uuid(), '019b0000-0000-7000-8000-000000000001', 0,"
    " gen_random_uuid(), 'demo', 'paper-1', 'tv-smc', 'mt5-paper', 'EURUSD', 'BUY', 'market', 2,"
    " {filled}, {price}, 1.1, 'IOC', 'immediate', 'immediate', 'paper', '{status}', 'x', {until})"
)
BREAKAGES = {
    "alerts_without_outcome": (
        "insert into signals_raw (alert_id, correlation_id, org_id, source_id, received_at, body,"
        " understood) values (gen_random_uuid(), gen_random_uuid(), 'demo', 'tv', " + LATELY + ","
        " 'x', false)"
    ),
    "reservations_without_owner": (
        "insert into risk.reservations (intent_id, account_id, symbol, side, quantity,"
        " remaining_quantity, notional, remaining_notional, created_at) values (gen_random_uuid(),"
        " 'paper-1', 'EURUSD', 'BUY', 1, 1, 1, 1, " + LATELY + ")"
    ),
    "positions_of_fills": (
        "insert into positions (account_id, symbol, org_id, quantity, average_price)"
        " values ('paper-1', 'EURUSD', 'demo', 1, 1.1)"
    ),
    "ledger_of_fills": (
        "insert into ledger.entries (transaction_id, line, org_id, account_id, kind, book,"
        " currency, amount, occurred_at) values (gen_random_uuid(), 1, 'demo', 'paper-1', 'fill',"
        " 'cash', 'USD', 1, clock_timestamp())"
    ),
    "orders_of_fills": ORDER.format(filled=2, price=1.1, status="filled", until="null"),
    "orders_above_intents": (
        ORDER.format(filled=0, price="null", status="canceled", until="null")
        + "; insert into intents (intent_id, correlation_id, org_id, account_id, strategy_id,"
        " venue_id, symbol, side, order_type, mode, requested_quantity, authorized_quantity,"
        " notional, reference_price, state) values ('019b0000-0000-7000-8000-000000000001',"
        " gen_random_uuid(), 'demo', 'paper-1', 'tv-smc', 'mt5-paper', 'EURUSD', 'BUY', 'market',"
        " 'paper', 1, 1, 1, 1.1, 'ordered')"
    ),
    "outcomes_without_fills": (
        "select ops.record_outcome(gen_random_uuid(), 'demo', 'filled', null, 'execution',"
        " clock_timestamp())"
    ),
    "attempts_without_answer": (
        "insert into execution.attempts (attempt_id, order_id, client_order_id, magic, account_id,"
        " worker_id, account_epoch, opened_at) values (gen_random_uuid(), gen_random_uuid(), 'c',"
        " 1, 'paper-1', gen_random_uuid(), 1, " + LATELY + ")"
    ),
    "orders_past_their_time": ORDER.format(filled=0, price="null", status="accepted", until=LATELY),
    "events_without_deliveries": (
        "insert into bus.events (msg_id, type, version, correlation_id, ttl_ms, sender,"
        " idempotency_key, org_id, ordering_key, created_at, payload, key_id, sig, published_at)"
        " select gen_random_uuid(), 'signals.raw.v1', '1', gen_random_uuid(), 1, 'agent.intake',"
        " 'k', 'demo', 'a', t.at, '{{}}', 'k', 's', t.at"
        " from (select clock_timestamp() - interval '2 minutes') as t(at)"
    ).replace("{{}}", "{}"),
    "deliveries_without_events": (
        "insert into bus.deliveries (agent, shard, ordering_key, msg_id, event_published_at,"
        " event_seq, correlation_id, org_id) values ('risk', 0, 'a', gen_random_uuid(),"
        " clock_timestamp(), 1, gen_random_uuid(), 'demo')"
    ),
}


def check(desk: Overseen) -> dict[str, Any]:
    with session(desk.database, "supervisor_agent") as conn:
        row = conn.execute("select ops.check_invariants()").fetchone()
    assert row is not None
    return {found["name"]: found for found in row[0]}


def test_every_invariant_has_a_test_and_holds_on_an_empty_desk(desk: Overseen):
    found = check(desk)
    assert set(found) == set(BREAKAGES)
    assert [name for name, one in found.items() if one["violations"] != 0] == []


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_broken_invariant_is_found_with_a_sample(desk: Overseen, name: str):
    with desk.behind() as conn:
        conn.execute(BREAKAGES[name].encode())
    found = check(desk)[name]
    assert (found["violations"], len(found["samples"])) == (1, 1)


def test_a_broken_invariant_becomes_an_incident(desk: Overseen):
    with desk.behind() as conn:
        conn.execute(BREAKAGES["positions_of_fills"].encode())
    half_minute = SystemClock().now().replace(second=0, microsecond=0)
    desk.tick("supervisor", half_minute)
    assert ("INVARIANT_BROKEN", "positions_of_fills") in incidents(desk)


def test_an_invariant_that_cannot_run_is_named_and_the_others_run(desk: Overseen):
    with psycopg.connect(desk.database.superuser_url, autocommit=True) as conn:
        conn.execute(
            "create function ops.broken_by_design() returns setof text language sql as"
            " 'select (1 / 0)::text'"
        )
        try:
            found = check(desk)
        finally:
            conn.execute("drop function ops.broken_by_design()")
    assert found["by_design"]["violations"] is None
    assert found["orders_of_fills"]["violations"] == 0
