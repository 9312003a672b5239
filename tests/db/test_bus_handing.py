"""Handing on within a process: leased at birth, fenced and ordered like any claim."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
import pytest

from backend.contracts.signing import SigningKey
from backend.db import bus
from backend.db.gateway import DenialRaised
from tests.kit.bus import Worker, a_note, declare, new_id, session
from tests.kit.postgres import Database


@pytest.fixture
def keys(database: Database) -> dict[str, SigningKey]:
    return declare(database)


@pytest.fixture
def pair(database: Database, keys: dict[str, SigningKey]) -> Generator[tuple[Worker, Worker]]:
    process_id = new_id()
    with (
        session(database, "orchestrator_agent") as speaking,
        session(database, "supervisor_agent") as hearing,
    ):
        yield (
            Worker(speaking, process_id=process_id).register(),
            Worker(hearing, process_id=process_id).register(),
        )


def tell(speaker: Worker, hearer: Worker, *notes: dict[str, Any]) -> bus.Told:
    peers = {"supervisor": str(hearer.worker_id)}
    return bus.finish(speaker.conn, [], speaker.worker_id, [], list(notes), [], peers)


def as_row(handed: bus.Handed) -> dict[str, Any]:
    return {"delivery_id": handed.delivery_id}


def test_a_peer_is_handed_what_it_may_settle_without_claiming(
    pair: tuple[Worker, Worker], keys: dict[str, SigningKey]
) -> None:
    speaker, hearer = pair
    note = a_note(keys["orchestrator"])
    told = tell(speaker, hearer, note)
    assert told.wake == []
    assert [handed.msg_id for handed in told.handed] == [note["msg_id"]]
    assert hearer.claim() == []
    hearer.settle(as_row(told.handed[0]))


def test_a_worker_of_another_process_is_handed_nothing(
    database: Database, pair: tuple[Worker, Worker], keys: dict[str, SigningKey]
) -> None:
    speaker, hearer = pair
    bus.stop_worker(hearer.conn, hearer.worker_id)
    stranger = Worker(hearer.conn).register()
    told = tell(speaker, stranger, a_note(keys["orchestrator"]))
    assert (told.wake, told.handed) == (["supervisor"], [])
    assert len(stranger.claim()) == 1


def test_nothing_is_handed_past_a_message_of_its_key_that_waits(
    pair: tuple[Worker, Worker], keys: dict[str, SigningKey]
) -> None:
    speaker, hearer = pair
    key = keys["orchestrator"]
    (first,) = tell(speaker, hearer, a_note(key, text="1")).handed
    assert hearer.retry(as_row(first)) == "parked"
    told = tell(speaker, hearer, a_note(key, text="2"), a_note(key, ordering_key="other"))
    assert told.wake == ["supervisor"]
    assert len(told.handed) == 1
    assert hearer.claim() == []


def test_what_was_handed_to_a_worker_that_died_is_claimed_by_its_successor(
    database: Database, pair: tuple[Worker, Worker], keys: dict[str, SigningKey]
) -> None:
    speaker, hearer = pair
    note = a_note(keys["orchestrator"])
    (handed,) = tell(speaker, hearer, note).handed
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute(
            "update bus.workers set lease_until = now() - interval '1 second' where worker_id = %s",
            (hearer.worker_id,),
        )
    with session(database, "supervisor_agent") as conn:
        successor = Worker(conn).register()
        (row,) = successor.claim()
        assert (str(row["msg_id"]), row["attempts"]) == (note["msg_id"], 2)
        with pytest.raises(DenialRaised) as refusal:
            hearer.settle(as_row(handed))
        assert refusal.value.code == "TR108"
        successor.settle(row)


def test_a_clean_stop_gives_back_what_was_handed(
    database: Database, pair: tuple[Worker, Worker], keys: dict[str, SigningKey]
) -> None:
    speaker, hearer = pair
    tell(speaker, hearer, a_note(keys["orchestrator"]))
    bus.stop_worker(hearer.conn, hearer.worker_id)
    with session(database, "supervisor_agent") as conn:
        (row,) = Worker(conn).register().claim()
        assert row["attempts"] == 1
