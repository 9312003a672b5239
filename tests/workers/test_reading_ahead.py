"""A loop that reads ahead: the next batch comes meanwhile, and nothing changes its order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from backend.contracts.message import decode
from backend.contracts.signing import SigningKey
from backend.db import bus
from tests.kit.bus import Worker, a_note, declare, session
from tests.kit.postgres import Database
from tests.workers.test_runtime import WAIT_S, an_agent, eventually, hosting, rows, say
from workers.agent import Agent, Context, Decision
from workers.deciding import Claimed

LEASED = "select 1 from bus.deliveries where lease_token is not null"


class Listener:
    """Handles in order, the first message not before it may."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.go_on = threading.Event()

    def handle(self, message: Any, facts: Any, context: Context) -> Decision:
        text = message.payload.note["text"]
        self.heard.append(text)
        assert self.go_on.wait(WAIT_S)
        if text == "poison":
            raise RuntimeError("cannot digest")
        return Decision("noted", "fine")

    @property
    def agent(self) -> Agent:
        return an_agent(handle=self.handle, READS_AHEAD=True)


@pytest.fixture
def keys(database: Database) -> dict[str, SigningKey]:
    return declare(database, batch_max=2)


def until_leased(database: Database, count: int) -> None:
    def leased() -> bool:
        return len(rows(database, LEASED)) == count

    eventually(leased)


def done(database: Database) -> Callable[[], bool]:
    return lambda: rows(database, "select 1 from bus.deliveries") == []


def test_the_next_batch_is_claimed_while_one_is_decided_and_handled_in_its_order(
    database: Database, keys: dict[str, SigningKey]
) -> None:
    listener = Listener()
    texts = [str(number) for number in range(7)]
    say(database, keys, *texts)
    with hosting(database, keys, listener.agent):
        until_leased(database, 4)
        assert listener.heard == ["0"]
        listener.go_on.set()
        eventually(done(database))
    assert listener.heard == texts


def test_what_was_read_ahead_does_not_overtake_a_message_of_its_key_that_failed(
    database: Database, keys: dict[str, SigningKey]
) -> None:
    listener = Listener()
    say(database, keys, "poison", ordering_key="A")
    say(database, keys, "B1", ordering_key="B")
    say(database, keys, "A2", ordering_key="A")
    say(database, keys, "B2", ordering_key="B")
    say(database, keys, "A3", ordering_key="A")
    with hosting(database, keys, listener.agent):
        until_leased(database, 4)
        listener.go_on.set()
        eventually(done(database))
    (letter,) = rows(database, "select attempts from bus.dead_letters")
    assert letter["attempts"] == 3
    of_a = [text for text in listener.heard if text[0] != "B"]
    assert of_a[-2:] == ["A2", "A3"]
    assert set(of_a[:-2]) == {"poison"}
    assert listener.heard.index("B1") < listener.heard.index("B2")


def test_what_was_read_ahead_is_given_back_at_a_stop(
    database: Database, keys: dict[str, SigningKey]
) -> None:
    listener = Listener()
    say(database, keys, *"0123456")
    with hosting(database, keys, listener.agent) as host:
        until_leased(database, 4)
        stopping = threading.Thread(target=host.stop)
        host.loops["supervisor"].stop()
        stopping.start()
        listener.go_on.set()
        stopping.join(WAIT_S)
    assert listener.heard == ["0", "1"]
    left = rows(database, "select lease_token, attempts from bus.deliveries order by delivery_id")
    assert left == [{"lease_token": None, "attempts": 0}] * 5


def test_what_is_handed_on_meanwhile_waits_for_what_was_read_ahead(
    database: Database, keys: dict[str, SigningKey]
) -> None:
    listener = Listener()
    say(database, keys, *"0123")
    with hosting(database, keys, listener.agent) as host:
        until_leased(database, 4)
        note = a_note(keys["orchestrator"], text="4")
        with session(database, "orchestrator_agent") as conn:
            speaker = Worker(conn, process_id=host.process_id).register()
            told = bus.finish(conn, [], speaker.worker_id, [], [note], [], host.peers())
        for handed in told.handed:
            claimed = Claimed(handed.delivery_id, 1, decode(note))
            host.loops["supervisor"].hand(handed.worker_id, claimed)
        assert [UUID(handed.msg_id) for handed in told.handed] == [UUID(note["msg_id"])]
        listener.go_on.set()
        eventually(done(database))
    assert listener.heard == list("01234")
