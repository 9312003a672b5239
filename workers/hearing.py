"""What a worker hears: claimed, verified, and given up where it may not be heard."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection

from backend.contracts.denials import Code
from backend.contracts.message import MessageRefused
from backend.db import bus
from backend.db.bus import Row
from backend.ports import Clock
from workers.agent import RowMessage
from workers.deciding import Claimed
from workers.signatures import KeyRegistry, hear

log = structlog.get_logger()


class Hearing:
    """One worker's ear on one session; the loop has one, and one more where it reads ahead."""

    def __init__(
        self,
        agent: str,
        conn: Connection[Any],
        worker_id: UUID,
        keys: KeyRegistry,
        clock: Clock,
        version: str,
    ) -> None:
        self._agent = agent
        self._conn = conn
        self._worker_id = worker_id
        self._keys = keys
        self._clock = clock
        self._version = version
        self._random = random.Random()

    def claim(self, limit: int) -> tuple[list[Claimed], bool]:
        """Return what is to be handled, in order, and whether more may wait behind it."""
        rows = bus.claim(self._conn, self._worker_id, limit)
        return self._verify(rows), len(rows) == limit

    def give_up(self, delivery_id: int, code: Code, detail: str) -> None:
        """Keep a message as dead: no try can help it."""
        log.warning("message.refused", agent=self._agent, code=code, detail=detail)
        self.retry(delivery_id, code, detail, final=True)

    def retry(self, delivery_id: int, code: str, detail: str, *, final: bool) -> None:
        """Put a message off, or away. Whoever lost its lease has no say in that."""
        try:
            bus.retry(
                self._conn,
                self._worker_id,
                delivery_id,
                code,
                detail,
                self._random.random(),
                final=final,
                version=self._version,
            )
        except psycopg.Error as error:
            if not lease_lost(error):
                raise

    def _verify(self, rows: Sequence[Row]) -> list[Claimed]:
        batch: list[Claimed] = []
        now = self._clock.now()
        for row in rows:
            heard = self._hear(row, now)
            if isinstance(heard, MessageRefused):
                self.give_up(row["delivery_id"], heard.code, heard.detail)
            else:
                batch.append(Claimed(row["delivery_id"], row["attempts"], heard))
        return batch

    def _hear(self, row: Row, now: datetime) -> Any:
        if row["expired"]:
            return MessageRefused(Code.MESSAGE_EXPIRED, "older than its time to live")
        if row["row_kind"] is None:
            return hear(self._keys, row, self._conn, now)
        return RowMessage(
            row["row_kind"],
            row["msg_id"],
            row["msg_id"],
            row["correlation_id"],
            row["org_id"],
            row["ordering_key"],
            row["created_at"],
        )


def lease_lost(error: BaseException) -> bool:
    """Tell whether a worker was refused because its lease is another's by now."""
    return getattr(error, "sqlstate", None) == Code.LEASE_LOST
