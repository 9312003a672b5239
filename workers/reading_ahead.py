"""Claiming and verifying the next batch while the one before it is decided.

A worker waits for Postgres half of the time: a batch's commit alone takes as long as it takes
to verify the next. What is read ahead is leased like any claim, and falls to a successor like
any claim; the loop takes it up in the order of the deliveries.
"""

from __future__ import annotations

from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any

from psycopg import Connection

from workers.deciding import Claimed
from workers.hearing import Hearing

CLOSE_S = 10.0

_Heard = tuple[list[Claimed], bool]


class ReadingAhead:
    """At most one batch ahead, on a thread of its own; used by one loop."""

    def __init__(self, hearing: Hearing, conn: Connection[Any], name: str) -> None:
        self._hearing = hearing
        self._conn = conn
        self._coming: Future[_Heard] | None = None
        self._asked: SimpleQueue[tuple[Future[_Heard], int] | None] = SimpleQueue()
        # A daemon, as the loop is: a server that answers nobody must not keep a process alive.
        self._thread = Thread(target=self._run, name=f"ahead-{name}", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> bool:
        """True if a batch is on its way: it may hold leases that the loop does not know of yet."""
        return self._coming is not None

    def start(self, limit: int) -> None:
        """Begin to claim the next batch, unless one is on its way."""
        if self._coming is None:
            self._coming = Future()
            self._asked.put((self._coming, limit))

    def collect(self) -> _Heard:
        """Wait for the batch and return it with whether more may wait. Raises what it met."""
        if self._coming is None:
            return [], False
        coming, self._coming = self._coming, None
        return coming.result()

    def close(self) -> None:
        """Wait until nothing is claimed any more. What was claimed is dropped: its lease ends."""
        self._coming = None
        self._asked.put(None)
        self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            self._conn.close()

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            coming, limit = asked
            try:
                coming.set_result(self._hearing.claim(limit))
            except Exception as error:  # noqa: BLE001 - collect() hands it on
                coming.set_exception(error)
