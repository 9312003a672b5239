"""Two small agents on a real bus: enough to watch order, leases, retries and refusals."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import uuid_utils
from psycopg import Connection

from backend.contracts.envelope import Unsigned
from backend.contracts.signing import SigningKey
from backend.db import bus
from backend.db.gateway import connect
from backend.ports import SystemClock
from tests.kit.postgres import Database

NOTE = "strategy.blackboard.v1"


def declare(database: Database, **overrides: Any) -> dict[str, SigningKey]:
    """Let `orchestrator` speak and `supervisor` hear, with a key each."""
    base = {
        "depth_max": 1000,
        "max_attempts": 3,
        "backoff_base_ms": 50,
        "backoff_cap_ms": 200,
        "lease_ms": 60_000,
        "batch_max": 10,
        "decides_alert": False,
        **overrides,
    }
    agents = [
        {**base, "agent": "orchestrator", "hears": [], "emits": [NOTE]},
        {**base, "agent": "supervisor", "hears": [NOTE], "emits": []},
    ]
    keys = {name: SigningKey(uuid.uuid4().bytes * 2) for name in ("orchestrator", "supervisor")}
    with psycopg.connect(database.owner_url) as conn:
        conn.execute("set local role desk_owner")
        conn.execute("select bus.declare_agents(%s::jsonb)", (bus.dump(agents),))
        for name, key in keys.items():
            conn.execute(
                "select bus.register_key(%s, %s, %s, now() - interval '1 minute')",
                (name, key.key_id, key.public_bytes),
            )
    return keys


def a_note(
    key: SigningKey,
    *,
    ordering_key: str = "EURUSD",
    sender: str = "agent.orchestrator",
    ttl_ms: int = 60_000,
    created_at: datetime | None = None,
    text: str = "hello",
    **changes: Any,
) -> dict[str, Any]:
    """Return a signed blackboard note as it travels."""
    now = created_at or SystemClock().now()
    unsigned = Unsigned(
        msg_id=changes.pop("msg_id", new_id()),
        type=changes.pop("type", NOTE),
        correlation_id=new_id(),
        causation_id=None,
        ttl_ms=ttl_ms,
        sender=sender,
        intent=None,
        idempotency_key=changes.pop("idempotency_key", f"note-{uuid.uuid4()}"),
        org_id="platform",
        ordering_key=ordering_key,
        created_at=now,
        payload={
            "topic": "test",
            "key": "k",
            "note": {"text": text},
            "as_of": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
        key_id=key.key_id,
    )
    return {**key.sign_wire(unsigned), **changes}


def new_id() -> UUID:
    """Return a time-ordered id."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


@dataclass
class Worker:
    """One registered worker of an agent, on a session of its own."""

    conn: Connection[Any]
    worker_id: UUID = field(default_factory=new_id)
    process_id: UUID = field(default_factory=new_id)

    def register(self) -> Worker:
        """Announce the worker and take its shards."""
        bus.register_worker(self.conn, self.worker_id, self.process_id, "test", 1, "test")
        self.lease()
        return self

    def lease(self) -> bus.Lease:
        """Renew, and settle which shards are its own."""
        return bus.lease(self.conn, self.worker_id)

    def claim(self, limit: int = 10) -> list[bus.Row]:
        """Claim what waits."""
        return bus.claim(self.conn, self.worker_id, limit)

    def settle(self, *rows: bus.Row) -> bus.Told:
        """Acknowledge rows with nothing else."""
        return bus.finish(
            self.conn, [], self.worker_id, [row["delivery_id"] for row in rows], [], [], {}
        )

    def retry(self, row: bus.Row, *, final: bool = False) -> str:
        """Say that handling a row failed."""
        return bus.retry(
            self.conn,
            self.worker_id,
            row["delivery_id"],
            "TR120",
            "it broke",
            1.0,
            final=final,
            version="test",
        )


def session(database: Database, role: str) -> Connection[Any]:
    """Open a session that really logged in as a role."""
    return connect(database.role_url(role))


def publish(conn: Connection[Any], *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Publish messages; returns what became of each."""
    row = conn.execute("select bus.publish(%s::jsonb)", (bus.dump(list(messages)),)).fetchone()
    assert row is not None
    return row[0]["answers"]
