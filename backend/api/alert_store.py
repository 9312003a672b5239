"""Where the webhook's posts are stored: whatever waits goes into one commit.

A few threads hold a session each. While one waits for its commit, posts gather for the next;
where posts follow one another closely, a thread gives them some milliseconds more to gather.
So a single post is stored at once, and under load many share one statement and one flush: eight
together cost the database a quarter of what they cost one by one.
Nothing that was taken is dropped: a lost session is opened again and the same alerts are
offered again under the same ids, which `intake.accept_alert` tolerates.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from backend.db.gateway import Fault
from backend.db.intake import Accepted, Alert, accept_alerts

log = structlog.get_logger()

BATCH_MAX = 64
WAITING_MAX = 2_000
RETRY_S = 0.5
GATHER_S = 0.006
CLOSE_S = 0.03
"""A post so soon after the last batch belongs to a stream, for which gathering pays."""

Answer = Accepted | Exception
_Waiting = tuple[Alert, asyncio.Future[Accepted]]


class StoreBusy(Exception):
    """More posts wait than may; the caller should come back."""


class AlertStore:
    """Stores alerts by batches from threads of its own; asked from one event loop."""

    def __init__(
        self,
        connect: Callable[[], Connection[Any]],
        loop: asyncio.AbstractEventLoop,
        stored: Callable[[], None],
        sessions: int = 2,
    ) -> None:
        """Start the threads.

        connect: opens a session in autocommit. stored: called after a batch with new alerts.
        """
        self._connect = connect
        self._loop = loop
        self._stored = stored
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._taken_at = 0.0
        self._threads = [
            threading.Thread(target=self._run, name=f"alert-store-{number}", daemon=True)
            for number in range(sessions)
        ]
        for thread in self._threads:
            thread.start()

    def store(self, alert: Alert) -> asyncio.Future[Accepted]:
        """Take an alert; the future is done once it is committed. Raises StoreBusy."""
        future: asyncio.Future[Accepted] = self._loop.create_future()
        with self._changed:
            if len(self._waiting) >= WAITING_MAX or self._closed:
                raise StoreBusy
            self._waiting.append((alert, future))
            self._changed.notify()
        return future

    def close(self, timeout_s: float = 5.0) -> None:
        """Store what waits, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)

    def _run(self) -> None:
        conn: Connection[Any] | None = None
        while batch := self._take():
            conn, answers = self._store(conn, [alert for alert, _ in batch])
            self._answer([future for _, future in batch], answers)
        if conn is not None:
            conn.close()

    def _take(self) -> list[_Waiting]:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                gathers = len(self._waiting) < BATCH_MAX and not self._closed
            if gathers and time.monotonic() - self._taken_at < CLOSE_S:
                time.sleep(GATHER_S)
            with self._changed:
                count = min(len(self._waiting), BATCH_MAX)
                if count or self._closed:
                    self._taken_at = time.monotonic()
                    return [self._waiting.popleft() for _ in range(count)]

    def _store(
        self, conn: Connection[Any] | None, alerts: list[Alert]
    ) -> tuple[Connection[Any] | None, list[Answer]]:
        """Store a batch, at the second try on a fresh session; the session serves the next."""
        for attempt in (1, 2):
            try:
                if conn is None or conn.closed:
                    conn = self._connect()
                return conn, _accept(conn, alerts)
            except Fault as fault:
                log.warning("alerts.not_stored", sqlstate=fault.sqlstate, attempt=attempt)
                if conn is not None:
                    conn.close()
                conn = None
                if attempt == 2:
                    with self._changed:
                        self._changed.wait_for(lambda: self._closed, RETRY_S)
                    return None, [fault] * len(alerts)
        raise AssertionError("unreachable")

    def _answer(
        self, futures: Sequence[asyncio.Future[Accepted]], answers: Sequence[Answer]
    ) -> None:
        try:
            self._loop.call_soon_threadsafe(_resolve, futures, answers)
        except RuntimeError:  # the loop has ended; so has whoever waited
            return
        if any(isinstance(a, Accepted) and a.status == "accepted" for a in answers):
            self._stored()


def _accept(conn: Connection[Any], alerts: list[Alert]) -> list[Answer]:
    """Store alerts together; if one of them breaks the statement, each on its own."""
    # Every process takes the keys of its batch in the same order: no deadlock between two.
    order = sorted(
        range(len(alerts)), key=lambda i: (alerts[i].dedupe_kind, alerts[i].dedupe_value)
    )
    answers: list[Answer] = [Fault(None, "not tried")] * len(alerts)
    try:
        found: Sequence[Answer] = accept_alerts(conn, [alerts[i] for i in order])
    except psycopg.Error as error:
        if isinstance(error, Fault) and conn.closed:
            raise
        found = [_accept_alone(conn, alerts[i]) for i in order]
    for position, answer in zip(order, found, strict=True):
        answers[position] = answer
    return answers


def _accept_alone(conn: Connection[Any], alert: Alert) -> Answer:
    try:
        return accept_alerts(conn, [alert])[0]
    except psycopg.Error as error:
        if conn.closed:
            raise
        log.error("alert.not_stored", sqlstate=error.sqlstate, alert_id=str(alert.alert_id))
        return error


def _resolve(futures: Sequence[asyncio.Future[Accepted]], answers: Sequence[Answer]) -> None:
    for future, answer in zip(futures, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, Accepted):
            future.set_result(answer)
        else:
            future.set_exception(answer)
