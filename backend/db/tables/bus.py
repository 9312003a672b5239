"""The bus: what was said, who must still hear it, who may speak, who is at work."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import Base, big, default, json, note, now, positive, row_xid, row_xids


def small(**options: Any) -> Any:
    """Declare a 16-bit integer."""
    return mapped_column(SmallInteger(), **options)


class Agent(Base):
    __tablename__ = "agents"
    __table_args__ = (
        *positive(
            "depth_max",
            "max_attempts",
            "backoff_base_ms",
            "backoff_cap_ms",
            "lease_ms",
            "batch_max",
        ),
        {"schema": "bus", "comment": "Agents and their bounds, from their own declarations."},
    )

    agent: Mapped[str] = mapped_column(primary_key=True)
    role_name: Mapped[str] = mapped_column(unique=True)
    depth_max: Mapped[int]
    max_attempts: Mapped[int]
    backoff_base_ms: Mapped[int]
    backoff_cap_ms: Mapped[int]
    lease_ms: Mapped[int]
    batch_max: Mapped[int]
    decides_alert: Mapped[bool] = default("false", comment="Its dead letter ends the alert.")


class Subscription(Base):
    __tablename__ = "subscriptions"
    __table_args__ = (
        Index(None, "type"),
        {"schema": "bus", "comment": "Who hears what."},
    )

    agent: Mapped[str] = mapped_column(ForeignKey("bus.agents.agent"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)


class Publication(Base):
    __tablename__ = "publications"
    __table_args__ = ({"schema": "bus", "comment": "Who may publish what."},)

    agent: Mapped[str] = mapped_column(ForeignKey("bus.agents.agent"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)


class AgentKey(Base):
    __tablename__ = "agent_keys"
    __table_args__ = (
        CheckConstraint("octet_length(public_key) = 32", name="public_key"),
        CheckConstraint("valid_until > valid_from", name="valid_until"),
        Index(None, "agent"),
        {"schema": "bus", "comment": "Ed25519 public keys; old ones stay to verify old messages."},
    )

    key_id: Mapped[str] = mapped_column(primary_key=True)
    agent: Mapped[str] = mapped_column(ForeignKey("bus.agents.agent"))
    public_key: Mapped[bytes]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]


class MessageKey(Base):
    __tablename__ = "message_keys"
    __table_args__ = (
        Index("message_keys_sender_idempotency_key_key", "sender", "idempotency_key", unique=True),
        {
            "schema": "bus",
            "comment": "Every message ever published, unpartitioned: what replays are known by.",
        },
    )

    msg_id: Mapped[UUID] = mapped_column(primary_key=True)
    sender: Mapped[str]
    idempotency_key: Mapped[str]
    published_at: Mapped[datetime] = now()


class Event(Base):
    __tablename__ = "events"
    __table_args__ = (
        Index(None, "msg_id"),
        Index(None, "correlation_id"),
        row_xids("events"),
        {
            "schema": "bus",
            "comment": "Signed envelopes as published, append-only, one partition a day.",
            "postgresql_partition_by": "RANGE (published_at)",
        },
    )

    published_at: Mapped[datetime] = now(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger(), Identity(always=True), primary_key=True)
    msg_id: Mapped[UUID]
    type: Mapped[str]
    version: Mapped[str]
    correlation_id: Mapped[UUID]
    causation_id: Mapped[UUID | None]
    ttl_ms: Mapped[int]
    sender: Mapped[str]
    intent: Mapped[str | None]
    idempotency_key: Mapped[str]
    org_id: Mapped[str]
    ordering_key: Mapped[str]
    created_at: Mapped[datetime]
    payload: Mapped[dict[str, Any]] = json()
    key_id: Mapped[str]
    sig: Mapped[str] = note("ed25519: over the canonical JSON of every other field.")
    row_xid: Mapped[int] = row_xid()


class Delivery(Base):
    __tablename__ = "deliveries"
    __table_args__ = (
        Index(None, "agent", "delivery_id"),
        Index(None, "ordering_key", "agent", "delivery_id"),
        {
            "schema": "bus",
            "comment": "What an agent has still to handle; acknowledging deletes the row.",
            # Rows live for milliseconds: room for in-page updates, vacuum early and unthrottled.
            "postgresql_with": {
                "fillfactor": "70",
                "autovacuum_vacuum_scale_factor": "0.01",
                "autovacuum_vacuum_cost_delay": "0",
            },
        },
    )

    delivery_id: Mapped[int] = mapped_column(BigInteger(), Identity(always=True), primary_key=True)
    agent: Mapped[str]
    shard: Mapped[int] = small()
    ordering_key: Mapped[str]
    msg_id: Mapped[UUID] = note("The event, or the row where row_kind says so.")
    row_kind: Mapped[str | None] = note("Set when a row born in SQL is handed over, not an event.")
    event_published_at: Mapped[datetime | None]
    event_seq: Mapped[int | None] = big()
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    expires_at: Mapped[datetime | None]
    attempts: Mapped[int] = small(server_default=text("0"))
    lease_token: Mapped[UUID | None]
    lease_epoch: Mapped[int | None] = big()
    created_at: Mapped[datetime] = now()


class ParkedKey(Base):
    __tablename__ = "parked_keys"
    __table_args__ = (
        {
            "schema": "bus",
            "comment": "Ordering keys that wait for a retry; other keys of the shard flow on.",
        },
    )

    agent: Mapped[str] = mapped_column(primary_key=True)
    ordering_key: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    msg_id: Mapped[UUID]
    reason: Mapped[str]
    parked_at: Mapped[datetime] = now()


class Worker(Base):
    __tablename__ = "workers"
    __table_args__ = (
        Index(None, "agent"),
        {
            "schema": "bus",
            "comment": "One agent of one process at work, as long as its lease is renewed.",
            "postgresql_with": {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.01"},
        },
    )

    worker_id: Mapped[UUID] = mapped_column(primary_key=True)
    process_id: Mapped[UUID]
    agent: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    version: Mapped[str]
    started_at: Mapped[datetime] = now()
    lease_until: Mapped[datetime]
    draining: Mapped[bool] = default("false")
    progress_at: Mapped[datetime] = now()
    pinned: Mapped[list[int] | None] = mapped_column(
        ARRAY(SmallInteger()), comment="The shards it serves and no others; null takes its share."
    )


class ShardLease(Base):
    __tablename__ = "shard_leases"
    __table_args__ = (
        {
            "schema": "bus",
            "comment": "Which worker owns which shard; the epoch fences off its former owners.",
            "postgresql_with": {"fillfactor": "50"},
        },
    )

    agent: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = small(primary_key=True)
    worker_id: Mapped[UUID | None]
    epoch: Mapped[int] = big(server_default=text("0"))
    leased_at: Mapped[datetime | None]


class DeadLetter(Base):
    __tablename__ = "dead_letters"
    __table_args__ = (
        Index(None, "died_at"),
        Index(None, "correlation_id"),
        {"schema": "bus", "comment": "Deliveries given up, with the error; replayed on request."},
    )

    dead_letter_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent: Mapped[str]
    msg_id: Mapped[UUID]
    row_kind: Mapped[str | None]
    ordering_key: Mapped[str]
    event_published_at: Mapped[datetime | None]
    event_seq: Mapped[int | None] = big()
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    code: Mapped[str]
    error: Mapped[str]
    attempts: Mapped[int] = small()
    code_version: Mapped[str | None]
    died_at: Mapped[datetime] = now()
    replayed_at: Mapped[datetime | None]
    replayed_by: Mapped[str | None]
    replay_reason: Mapped[str | None]


class Refused(Base):
    __tablename__ = "refused"
    __table_args__ = (
        Index(None, "refused_at"),
        {"schema": "bus", "comment": "Messages refused at publish, as received."},
    )

    refused_id: Mapped[UUID] = mapped_column(primary_key=True)
    sender_session: Mapped[str]
    wire: Mapped[dict[str, Any]] = json()
    code: Mapped[str]
    detail: Mapped[str | None]
    correlation_id: Mapped[UUID | None]
    refused_at: Mapped[datetime] = now()
