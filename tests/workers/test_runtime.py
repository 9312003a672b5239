"""The shared loop on real Postgres: decide, act, fail, stop, be fenced, be replayed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from backend.contracts.oversight import BlackboardNote
from backend.contracts.signing import SigningKey
from backend.db.bus import Lease
from backend.db.gateway import connect
from backend.ports import SystemClock
from tests.kit.bus import NOTE, a_note, declare, publish, session
from tests.kit.postgres import Database
from workers.agent import Agent, Canvas, Context, Decision
from workers.host import Host

CANVAS = Canvas("m", "o", "a", "b", "p", 1, 2, "f")
WAIT_S = 20.0


def an_agent(**attributes: Any) -> Agent:
    """Return a `supervisor` whose module has these attributes."""
    module = ModuleType("test_agent")
    defaults: dict[str, Any] = {
        "CANVAS": CANVAS,
        "HEARS": (NOTE,),
        "EMITS": (),
        "FACTS": None,
        "EFFECTS": (),
        "MAY_CALL": (),
    }
    for name, value in (defaults | attributes).items():
        setattr(module, name, value)
    return Agent("supervisor", module)


@contextmanager
def hosting(
    database: Database, keys: dict[str, SigningKey], agent: Agent, outside: Any = None
) -> Generator[Host]:
    """Run an agent on a real host until left."""
    urls = {"supervisor_agent": database.role_url("supervisor_agent")}
    host = Host([agent], keys, lambda role: connect(urls[role]), SystemClock(), outside, "test")
    host.start()
    try:
        yield host
    finally:
        host.stop()


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for a condition on the database, with an end."""
    done = threading.Event()
    for _ in range(int(WAIT_S / 0.02)):
        if condition():
            return
        done.wait(0.02)
    raise AssertionError("it did not happen in time")


def rows(database: Database, query: str) -> list[dict[str, Any]]:
    """Read as the superuser."""
    with (
        psycopg.connect(database.superuser_url) as conn,
        conn.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(query.encode()).fetchall()


def say(database: Database, keys: dict[str, SigningKey], *texts: str, **more: Any) -> None:
    """Publish a note per text."""
    with session(database, "orchestrator_agent") as conn:
        notes = [a_note(keys["orchestrator"], text=text, **more) for text in texts]
        answers = publish(conn, *notes)
        assert all(answer["status"] == "published" for answer in answers)
        conn.execute("select bus.wake(array['supervisor'])")


@pytest.fixture
def keys(database: Database) -> dict[str, SigningKey]:
    return declare(database)


def test_a_decision_is_traced_and_its_message_acknowledged(
    database: Database, keys: dict[str, SigningKey]
) -> None:
    def handle(message: Any, facts: Any, context: Context) -> Decision:
        return Decision("noted", f"heard {message.payload.note['text']}", features={"n": "1"})

    with hosting(database, keys, an_agent(handle=handle)):
        say(database, keys, "one")
        eventually(lambda: len(rows(database, "select 1 from public.decision_traces")) == 1)
    (trace,) = rows(database, "select * from public.decision_traces")
    assert trace["outcome"] == "noted"
    assert trace["explanation"] == "heard one"
    assert trace["agent"] == "supervisor"
    assert trace["feature_hash"] is not None
    assert rows(database, "select 1 from bus.deliveries") == []


def test_a_poisoned_message_holds_up_only_its_own_key(
    database: Database, keys: dict[str, SigningKey]
) -> None:
    def handle(message: Any, facts: Any, context: Context) -> Decision:
        if message.payload.note["text"] == "poison":
            raise RuntimeError("cannot digest")
        return Decision("noted", "fine")

    say(database, keys, "poison", "behind it", ordering_key="A")
    say(database, keys, "elsewhere", ordering_key="B")
    with hosting(database, keys, an_agent(handle=handle)):
        eventually(lambda: len(rows(database, "select 1 from public.decision_traces")) == 2)
        eventually(lambda: len(rows(database, "select 1 from bus.dead_letters")) == 1)
    (letter,) = rows(database, "select * from bus.dead_letters")
    assert letter["code"] == "TR120"
    assert "cannot digest" in letter["error"]
    assert letter["attempts"] == 3


def test_a_forged_message_is_never_handled(database: Database, keys: dict[str, SigningKey]) -> None:
    handled: list[Any] = []

    def handle(message: Any, facts: Any, context: Context) -> Decision:
        handled.append(message)
        return Decision("noted", "fine")

    with session(database, "orchestrator_agent") as conn:
        note = a_note(keys["orchestrator"], text="what was signed")
        note["payload"] = {**note["payload"], "note": {"text": "what was made of it"}}
        publish(conn, note)
    with hosting(database, keys, an_agent(handle=handle)):
        eventually(lambda: len(rows(database, "select 1 from bus.dead_letters")) == 1)
    assert handled == []
    assert rows(database, "select code from bus.dead_letters") == [{"code": "TR103"}]


def test_an_expired_message_is_never_handled(
    database: Database, keys: dict[str, SigningKey]
) -> None:
    say(database, keys, "late")
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute("update bus.deliveries set expires_at = now() - interval '1 second'")
    with hosting(database, keys, an_agent(handle=lambda *_: pytest.fail("handled"))):
        eventually(lambda: len(rows(database, "select 1 from bus.dead_letters")) == 1)
    assert rows(database, "select code from bus.dead_letters") == [{"code": "TR101"}]


def test_a_message_that_breaks_its_schema_is_never_handled(
    database: Database, keys: dict[str, SigningKey]
) -> None:
    key = keys["orchestrator"]
    good = a_note(key)
    with session(database, "orchestrator_agent") as conn:
        bad_payload = {**good["payload"], "surprise": "field"}
        publish(conn, _resigned(key, bad_payload))
    with hosting(database, keys, an_agent(handle=lambda *_: pytest.fail("handled"))):
        eventually(lambda: len(rows(database, "select 1 from bus.dead_letters")) == 1)
    assert rows(database, "select code from bus.dead_letters") == [{"code": "TR112"}]


def _resigned(key: SigningKey, payload: dict[str, Any]) -> dict[str, Any]:
    from datetime import datetime
    from uuid import UUID

    from backend.contracts.envelope import Unsigned

    good = a_note(key)
    unsigned = Unsigned(
        msg_id=UUID(good["msg_id"]),
        type=NOTE,
        correlation_id=UUID(good["correlation_id"]),
        causation_id=None,
        ttl_ms=good["ttl_ms"],
        sender=good["sender"],
        intent=None,
        idempotency_key=good["idempotency_key"],
        org_id=good["org_id"],
        ordering_key=good["ordering_key"],
        created_at=datetime.fromisoformat(good["created_at"]),
        payload=payload,
        key_id=key.key_id,
    )
    return key.sign_wire(unsigned)


def test_stopping_finishes_what_is_in_hand(database: Database, keys: dict[str, SigningKey]) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def handle(message: Any, facts: Any, context: Context) -> Decision:
        begun.set()
        assert go_on.wait(WAIT_S)
        return Decision("noted", "fine")

    say(database, keys, "in hand")
    with hosting(database, keys, an_agent(handle=handle)) as host:
        assert begun.wait(WAIT_S)
        stopping = threading.Thread(target=host.stop)
        stopping.start()
        go_on.set()
        stopping.join(WAIT_S)
        assert not stopping.is_alive()
    assert len(rows(database, "select 1 from public.decision_traces")) == 1
    assert rows(database, "select 1 from bus.workers") == []


def test_an_acting_agent_holds_no_transaction_while_it_calls(
    database: Database, keys: dict[str, SigningKey]
) -> None:
    states: list[str] = []

    def look(_: Any, __: Any, outside: Any) -> dict[str, str]:
        found = rows(
            database,
            "select state from pg_stat_activity where usename = 'supervisor_agent'"
            " and query like '%record_compliance_alerts%'",
        )
        states.extend(row["state"] for row in found)
        return {"answer": "42"}

    agent = an_agent(
        prepare=lambda m, f, c: Decision("asked", "asking"),
        call=look,
        record=lambda m, p, r, c: Decision("answered", r["answer"]),
    )
    say(database, keys, "call")
    with hosting(database, keys, agent):
        eventually(lambda: len(rows(database, "select 1 from public.decision_traces")) == 1)
    assert "active" not in states
    assert "idle in transaction" not in states


def test_an_agent_may_not_emit_what_it_does_not_declare(
    database: Database, keys: dict[str, SigningKey]
) -> None:
    from workers.agent import Emission

    def handle(message: Any, facts: Any, context: Context) -> Decision:
        note = BlackboardNote(topic="t", key="k", note={}, as_of=context.now)
        return Decision("spoke", "out of turn", emissions=(Emission(note, "k"),))

    say(database, keys, "go")
    with hosting(database, keys, an_agent(handle=handle)):
        eventually(lambda: len(rows(database, "select 1 from bus.dead_letters")) == 1)
    assert len(rows(database, "select 1 from bus.events")) == 1


def test_a_decision_is_replayed_bit_for_bit(
    database: Database, keys: dict[str, SigningKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers import replaying

    def handle(message: Any, facts: Any, context: Context) -> Decision:
        text = message.payload.note["text"]
        return Decision("noted", f"{text} at {context.now} by {context.seed} {context.new_id('x')}")

    agent = an_agent(handle=handle)
    with hosting(database, keys, agent):
        say(database, keys, "again")
        eventually(lambda: len(rows(database, "select 1 from public.decision_traces")) == 1)
    (trace,) = rows(database, "select * from public.decision_traces")
    (event,) = rows(database, "select * from bus.events")
    monkeypatch.setattr(replaying, "load", lambda name: agent)
    assert replaying.replay(trace, event).same
    other = an_agent(handle=lambda m, f, c: Decision("noted", "something else"))
    monkeypatch.setattr(replaying, "load", lambda name: other)
    assert not replaying.replay(trace, event).same


def test_two_hosts_share_the_work_and_one_takes_over_when_the_other_dies(
    database: Database,
) -> None:
    keys = declare(database, lease_ms=1_500)
    handle = partial(_decided)
    with hosting(database, keys, an_agent(handle=handle)) as first:
        with hosting(database, keys, an_agent(handle=handle)) as second:
            eventually(lambda: _shares(database) == [32, 32])
            _die(second)
            say(database, keys, *(str(n) for n in range(4)))
            for number in range(30):
                say(database, keys, "x", ordering_key=f"K{number}")
            eventually(lambda: len(rows(database, "select 1 from public.decision_traces")) == 34)
        assert first.loops["supervisor"].handled == 34


def _decided(message: Any, facts: Any, context: Context) -> Decision:
    return Decision("noted", "fine")


def _shares(database: Database) -> list[int]:
    found = rows(
        database,
        "select count(*) as n from bus.shard_leases where agent = 'supervisor'"
        " and worker_id is not null group by worker_id",
    )
    return [row["n"] for row in found]


def _die(host: Host) -> None:
    """Let a host vanish as kill -9 would: nothing is handed back, nothing renewed."""
    loop = host.loops["supervisor"]
    host._stopping.set()
    loop._stopping.set()
    original = loop._conn
    loop._conn = None
    assert original is not None
    original.close()


@pytest.mark.parametrize("lease", [Lease(64, 0, 1, 0, "upstream"), Lease(0, 0, 2, 0, None)])
def test_a_worker_that_may_claim_nothing_waits_for_its_lease_and_not_for_its_next_look(
    database: Database, keys: dict[str, SigningKey], lease: Lease
) -> None:
    """A look that is overdue and not allowed would be due again at once, without an end."""
    with hosting(database, keys, an_agent(handle=lambda *_: pytest.fail("handled"))) as host:
        loop = host.loops["supervisor"]
        eventually(lambda: loop.lease is not None)
        host.stop()
    loop.lease = lease
    loop._poll_due, loop._lease_due = 0.0, time.monotonic() + 60
    assert loop._pause_s() > 30
