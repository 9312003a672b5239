"""A commit whose answer got lost: what it handed on is found again by its hearer."""

from __future__ import annotations

import threading
from uuid import UUID

from backend.contracts.oversight import BlackboardNote
from backend.db import bus
from backend.db.gateway import connect
from backend.ports import SystemClock
from tests.kit.bus import Worker, a_note, declare, session
from tests.kit.homes import until
from tests.kit.postgres import Database
from workers.agent import Agent, Canvas, Context, Decision
from workers.host import Host


class Hearing:
    """An agent module that remembers what it heard."""

    CANVAS = Canvas("m", "o", "a", "b", "p", 1, 2, "f")
    HEARS = (BlackboardNote.TYPE,)
    EMITS = ()
    FACTS = None
    EFFECTS = ()
    MAY_CALL = ()

    def __init__(self) -> None:
        self.heard = threading.Event()

    def handle(self, message: object, facts: object, context: Context) -> Decision:
        self.heard.set()
        return Decision("noted", "heard")


def test_what_was_handed_on_by_a_session_that_broke_while_committing_is_heard(database: Database):
    keys = declare(database, lease_ms=2_000)
    module = Hearing()
    urls = {"supervisor_agent": database.role_url("supervisor_agent")}
    agent = Agent("supervisor", module)  # type: ignore[arg-type]
    host = Host([agent], keys, lambda role: connect(urls[role]), SystemClock(), None, "test")
    host.start()
    try:
        hearer = until(lambda: host.peers().get("supervisor"), "the hearer registered")
        lease = host.loops["supervisor"]
        until(lambda: lease.lease and lease.lease.shards == 64, "the hearer has its shards")
        with session(database, "orchestrator_agent") as conn:
            speaker = Worker(conn, process_id=host.process_id).register()
            told = bus.finish(
                conn,
                [],
                speaker.worker_id,
                [],
                [a_note(keys["orchestrator"])],
                [],
                {"supervisor": hearer},
            )
        # Committed and leased to the hearer; the one who would have told it is gone.
        assert [UUID(handed.worker_id) for handed in told.handed] == [UUID(hearer)]
        assert module.heard.wait(30), "nobody heard what was handed on"
    finally:
        host.stop()
