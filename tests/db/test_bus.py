"""The bus in SQL: fan-out, order, leases with fences, retries, refusals, dead letters."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from backend.contracts.signing import SigningKey
from backend.db import bus
from backend.db.gateway import DenialRaised
from backend.ports import SystemClock
from tests.kit.bus import Worker, a_note, declare, publish, session
from tests.kit.postgres import Database


@pytest.fixture
def keys(database: Database) -> dict[str, SigningKey]:
    return declare(database)


@pytest.fixture
def speaker(database: Database, keys: dict[str, SigningKey]) -> Generator[Connection[Any]]:
    with session(database, "orchestrator_agent") as conn:
        yield conn


@pytest.fixture
def hearer(database: Database, keys: dict[str, SigningKey]) -> Generator[Worker]:
    with session(database, "supervisor_agent") as conn:
        yield Worker(conn).register()


def test_a_published_message_reaches_its_subscriber_once(
    speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    note = a_note(keys["orchestrator"])
    assert publish(speaker, note)[0]["status"] == "published"
    rows = hearer.claim()
    assert [str(row["msg_id"]) for row in rows] == [note["msg_id"]]
    assert rows[0]["payload"] == note["payload"]
    assert hearer.claim() == []
    hearer.settle(*rows)
    assert hearer.claim() == []


def test_messages_of_one_key_come_in_the_order_of_publishing(
    speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    notes = [a_note(keys["orchestrator"], text=str(number)) for number in range(20)]
    publish(speaker, *notes)
    heard = [row for _ in range(2) for row in hearer.claim(10)]
    assert [row["payload"]["note"]["text"] for row in heard] == [str(n) for n in range(20)]


def test_a_message_is_refused_when_it_is_replayed(
    speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    note = a_note(keys["orchestrator"])
    publish(speaker, note)
    assert publish(speaker, note)[0]["code"] == "TR102"
    assert len(hearer.claim()) == 1


def test_a_message_with_a_used_idempotency_key_is_refused(
    speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    publish(speaker, a_note(keys["orchestrator"], idempotency_key="the-same-key"))
    answer = publish(speaker, a_note(keys["orchestrator"], idempotency_key="the-same-key"))
    assert answer[0]["code"] == "TR102"
    assert len(hearer.claim()) == 1


def test_refusals_are_kept_with_their_reason(
    database: Database, speaker: Connection[Any], keys: dict[str, SigningKey]
) -> None:
    key = keys["orchestrator"]
    cases = {
        "TR101": a_note(key, created_at=SystemClock().now() - timedelta(minutes=5)),
        "TR104": a_note(SigningKey(b"x" * 32)),
        "TR106": a_note(key, created_at=SystemClock().now() + timedelta(minutes=5)),
        "TR107": a_note(key, type="order.command.place.v1"),
    }
    for code, message in cases.items():
        assert publish(speaker, message)[0]["code"] == code
    forged_sender = a_note(key, sender="agent.risk")
    assert publish(speaker, forged_sender)[0]["code"] == "TR107"
    with psycopg.connect(database.superuser_url) as conn:
        kept = conn.execute("select code, count(*) from bus.refused group by code").fetchall()
        stored = conn.execute("select count(*) from bus.events").fetchone()
    assert dict(kept) == {"TR101": 1, "TR104": 1, "TR106": 1, "TR107": 2}
    assert stored == (0,)


def test_a_revoked_key_publishes_nothing(
    database: Database, speaker: Connection[Any], keys: dict[str, SigningKey]
) -> None:
    with session(database, "desk_operator") as operator:
        operator.execute("select bus.revoke_key(%s, 'lost')", (keys["orchestrator"].key_id,))
    assert publish(speaker, a_note(keys["orchestrator"]))[0]["code"] == "TR105"


def test_two_workers_share_the_shards_and_never_a_message(
    database: Database, speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    with session(database, "supervisor_agent") as conn:
        second = Worker(conn).register()
        hearer.lease()
        shares = (hearer.lease().shards, second.lease().shards)
        assert shares == (32, 32)
        publish(
            speaker,
            *(a_note(keys["orchestrator"], ordering_key=f"K{number}") for number in range(60)),
        )
        first_rows, second_rows = hearer.claim(100), second.claim(100)
    ids = [row["msg_id"] for row in (*first_rows, *second_rows)]
    assert len(ids) == len(set(ids)) == 60
    assert not {r["ordering_key"] for r in first_rows} & {r["ordering_key"] for r in second_rows}


def test_what_one_worker_does_for_all_leaves_a_worker_that_drains(
    database: Database, hearer: Worker
) -> None:
    assert hearer.lease().rank == 0
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute(
            "update bus.workers set draining = true where worker_id = %s", (hearer.worker_id,)
        )
    assert hearer.lease().rank is None


def test_a_worker_that_stalled_cannot_commit_after_its_successor_took_over(
    database: Database, speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    publish(speaker, a_note(keys["orchestrator"]))
    (stalled,) = hearer.claim()
    _end_lease(database, hearer)
    with session(database, "supervisor_agent") as conn:
        successor = Worker(conn).register()
        (again,) = successor.claim()
        assert again["msg_id"] == stalled["msg_id"]
        with pytest.raises(DenialRaised) as refusal:
            hearer.settle(stalled)
        assert refusal.value.code == "TR108"
        successor.settle(again)
    assert _count(database, "bus.deliveries") == 0


def test_a_fenced_settlement_leaves_nothing_of_what_came_with_it(
    database: Database, speaker: Connection[Any], keys: dict[str, SigningKey], hearer: Worker
) -> None:
    publish(speaker, a_note(keys["orchestrator"]))
    (row,) = hearer.claim()
    _end_lease(database, hearer)
    with session(database, "supervisor_agent") as conn:
        Worker(conn).register()
        trace = {"trace_id": str(row["msg_id"]), "outcome": "x", "explanation": "x"}
        with pytest.raises(DenialRaised):
            bus.finish(hearer.conn, [], hearer.worker_id, [row["delivery_id"]], [], [trace], {})
    assert _count(database, "public.decision_traces") == 0


def test_a_process_that_lost_its_session_gets_its_own_messages_back(
    database: Database, speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    publish(speaker, a_note(keys["orchestrator"]))
    (first,) = hearer.claim()
    with session(database, "supervisor_agent") as conn:
        reborn = Worker(conn, process_id=hearer.process_id).register()
        (again,) = reborn.claim()
        assert (again["msg_id"], again["attempts"]) == (first["msg_id"], 2)


def test_a_clean_stop_hands_everything_back_at_once(
    database: Database, speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    publish(speaker, a_note(keys["orchestrator"]))
    hearer.claim()
    bus.stop_worker(hearer.conn, hearer.worker_id)
    with session(database, "supervisor_agent") as conn:
        (row,) = Worker(conn).register().claim()
        assert row["attempts"] == 1


def test_a_failing_key_waits_while_the_others_of_its_shard_flow_on(
    speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    key = keys["orchestrator"]
    publish(speaker, a_note(key, ordering_key="A", text="1"))
    (failing,) = hearer.claim()
    assert hearer.retry(failing) == "parked"
    publish(speaker, a_note(key, ordering_key="A", text="2"), a_note(key, ordering_key="B"))
    assert [row["ordering_key"] for row in hearer.claim()] == ["B"]


def test_a_parked_key_comes_back_in_order(
    database: Database, speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    key = keys["orchestrator"]
    publish(speaker, a_note(key, text="1"), a_note(key, text="2"))
    first, second = hearer.claim()
    hearer.retry(first)
    bus.release(hearer.conn, hearer.worker_id, [second["delivery_id"]])
    assert hearer.claim() == []
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute("update bus.parked_keys set until = now()")
    rows = hearer.claim()
    assert [row["payload"]["note"]["text"] for row in rows] == ["1", "2"]
    assert [row["attempts"] for row in rows] == [2, 1]


def test_burying_a_younger_message_leaves_the_older_one_of_its_key_its_pause(
    speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    key = keys["orchestrator"]
    publish(speaker, a_note(key, text="1"), a_note(key, text="2"))
    first, second = hearer.claim()
    assert hearer.retry(first) == "parked"
    assert hearer.retry(second, final=True) == "dead"
    assert hearer.claim() == []


def test_the_last_try_ends_as_a_dead_letter_and_frees_the_key(
    database: Database, speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    publish(speaker, a_note(keys["orchestrator"], text="poison"), a_note(keys["orchestrator"]))
    for expected in ("parked", "parked", "dead"):
        first, *rest = hearer.claim()
        assert hearer.retry(first) == expected
        bus.release(hearer.conn, hearer.worker_id, [row["delivery_id"] for row in rest])
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("update bus.parked_keys set until = now()")
    assert [row["payload"]["note"]["text"] for row in hearer.claim()] == ["hello"]
    with session(database, "desk_operator") as operator:
        row = operator.execute(
            "select code, error, attempts, payload from bus.dead_letters(10)"
        ).fetchone()
    assert row is not None
    assert row[:3] == ("TR120", "it broke", 3)
    assert row[3]["note"]["text"] == "poison"


def test_a_dead_letter_is_replayed_once_with_its_reason_on_record(
    database: Database, speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    publish(speaker, a_note(keys["orchestrator"]))
    (row,) = hearer.claim()
    assert hearer.retry(row, final=True) == "dead"
    with session(database, "desk_operator") as operator:
        (letter,) = operator.execute("select dead_letter_id from bus.dead_letters(1)").fetchall()
        replay = "select bus.replay_dead_letter(%s, 'mended')"
        assert operator.execute(replay, letter).fetchone() == ("supervisor",)
        with pytest.raises(psycopg.Error) as refusal:
            operator.execute(replay, letter)
        assert refusal.value.sqlstate == "TR111"
    assert [again["msg_id"] for again in hearer.claim()] == [row["msg_id"]]


def test_an_expired_message_is_marked_when_it_is_claimed(
    speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey], database: Database
) -> None:
    publish(speaker, a_note(keys["orchestrator"]))
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute("update bus.deliveries set expires_at = now() - interval '1 second'")
    assert [row["expired"] for row in hearer.claim()] == [True]


def test_upstream_is_throttled_past_the_depth_limit_and_freed_below_it(
    database: Database, hearer: Worker
) -> None:
    keys = declare(database, depth_max=3)
    with session(database, "orchestrator_agent") as conn:
        upstream = Worker(conn).register()
        publish(conn, *(a_note(keys["orchestrator"]) for _ in range(4)))
        assert upstream.lease().throttled_by == "supervisor"
        hearer.settle(*hearer.claim(2))
        assert upstream.lease().throttled_by is None


def test_an_agent_can_reach_nothing_but_its_procedures(hearer: Worker) -> None:
    attempts = (
        "select * from bus.events",
        "delete from bus.deliveries",
        "insert into bus.publications values ('supervisor', 'order.command.place.v1')",
        "select bus.append('supervisor', '[]', null, '{}')",
        "select bus.bury('supervisor', 1, 'x', 'x', 'x')",
        "select bus.deliver_row('risk', 'x', gen_random_uuid(), 'k', 'o', gen_random_uuid(), 1)",
        "select bus.declare_agents('[]')",
        "select bus.register_key('risk', 'x', '', now())",
        "select bus.replay_dead_letter(gen_random_uuid(), 'x')",
        "set role desk_owner",
    )
    for attempt in attempts:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            hearer.conn.execute(attempt.encode())


def test_one_agent_cannot_settle_what_another_holds(
    database: Database, speaker: Connection[Any], hearer: Worker, keys: dict[str, SigningKey]
) -> None:
    publish(speaker, a_note(keys["orchestrator"]))
    (row,) = hearer.claim()
    with session(database, "orchestrator_agent") as conn:
        thief = Worker(conn, worker_id=hearer.worker_id)
        with pytest.raises(DenialRaised) as refusal:
            thief.settle(row)
    assert refusal.value.code == "TR108"


def test_uuid7_is_a_version_7_uuid_that_grows_with_time(database: Database) -> None:
    with psycopg.connect(database.superuser_url) as conn:
        rows = [conn.execute("select bus.uuid7()").fetchone() for _ in range(3)]
    ids = [row[0] for row in rows if row is not None]
    assert [made.version for made in ids] == [7, 7, 7]
    assert [made.int >> 80 for made in ids] == sorted(made.int >> 80 for made in ids)


def _end_lease(database: Database, worker: Worker) -> None:
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute(
            "update bus.workers set lease_until = now() - interval '1 second' where worker_id = %s",
            (worker.worker_id,),
        )


def _count(database: Database, table: str) -> int:
    with psycopg.connect(database.superuser_url) as conn:
        row = conn.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None
    return row[0]
