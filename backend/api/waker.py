"""Hints to agents, sent after the answer by a thread of their own and coalesced."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from backend.db import bus
from backend.runtime.pace import Pace, Throughput

log = structlog.get_logger()

IDLE_S = 5.0
APART_S = 0.01
"""Hints are at least so far apart, and further where the machine is full: whoever is busy looks
again anyway."""


class Waker:
    """One session that sends NOTIFYs; a lost one costs a poll, never an alert."""

    def __init__(self, connect: Callable[[], Connection[Any]]) -> None:
        self._connect = connect
        self._pace = Pace()
        self._hints = Throughput()
        self._changed = threading.Condition()
        self._pending: set[str] = set()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
        self._thread.start()

    def wake(self, *agents: str) -> None:
        """Ask for a hint to agents; returns at once."""
        with self._changed:
            self._pending.update(agents)
            self._changed.notify()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(IDLE_S)

    def _run(self) -> None:
        while not self._closed:
            try:
                with self._connect() as conn:
                    self._serve(conn)
            except psycopg.Error as error:
                log.warning("waker.lost", sqlstate=error.sqlstate)
                with self._changed:
                    self._changed.wait(1.0)

    def _serve(self, conn: Connection[Any]) -> None:
        while True:
            with self._changed:
                while not self._pending and not self._closed:
                    self._changed.wait(IDLE_S)
                if self._closed:
                    return
                agents, self._pending = self._pending, set()
            bus.wake(conn, agents)
            self._hints.add(1)
            time.sleep(max(APART_S, self._pace.gather_s(self._hints.per_s)))
