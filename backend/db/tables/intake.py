"""Intake: who may send alerts, what makes two of them the same, which numbers are missing."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, INET
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import (
    Base,
    big,
    default,
    json,
    note,
    now,
    one_of,
    positive,
    row_xid,
    row_xids,
)


class Source(Base):
    __tablename__ = "sources"
    __table_args__ = (
        one_of("state", "active", "revoked"),
        *positive("rate_per_minute", "max_age_ms"),
        {"schema": "intake", "comment": "Webhooks: each feeds one strategy, by tokens of its own."},
    )

    source_id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.org_id"))
    strategy_id: Mapped[str] = mapped_column(ForeignKey("strategies.strategy_id"))
    secret_sha256: Mapped[bytes | None] = note("Of the secret that bodies must carry, if any.")
    state: Mapped[str] = default("'active'")
    rate_per_minute: Mapped[int] = default("600")
    max_age_ms: Mapped[int] = big(server_default="300000", comment="Older alerts go to review.")
    created_at: Mapped[datetime] = now()
    revoked_at: Mapped[datetime | None]
    allowed_addresses: Mapped[list[str] | None] = mapped_column(
        ARRAY(INET()), comment="Who may post; null allows every address."
    )


class SourceToken(Base):
    __tablename__ = "source_tokens"
    __table_args__ = (
        Index(None, "source_id"),
        CheckConstraint("octet_length(token_sha256) = 32", name="token_sha256"),
        {"schema": "intake", "comment": "Tokens of sources, kept as their hashes only."},
    )

    token_id: Mapped[UUID] = mapped_column(primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("intake.sources.source_id"))
    token_sha256: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime] = now()
    valid_until: Mapped[datetime | None] = note("After a rotation; null while it is the newest.")
    revoked_at: Mapped[datetime | None]


class Spending(Base):
    __tablename__ = "spendings"
    __table_args__ = (
        {
            "schema": "intake",
            "comment": "How far ahead a source has posted, where the door does not count itself.",
        },
    )

    source_id: Mapped[str] = mapped_column(ForeignKey("intake.sources.source_id"), primary_key=True)
    paid_until: Mapped[datetime]


class AlertKey(Base):
    __tablename__ = "alert_keys"
    __table_args__ = (
        one_of("kind", "id", "time", "bytes"),
        {"schema": "intake", "comment": "By what a second post of an alert is known, for ever."},
    )

    source_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    alert_id: Mapped[UUID]
    first_seen_at: Mapped[datetime] = now()


class Duplicate(Base):
    __tablename__ = "duplicates"
    __table_args__ = (
        Index(None, "alert_id"),
        {"schema": "intake", "comment": "Posts that repeated an alert, byte for byte."},
    )

    duplicate_id: Mapped[UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[UUID] = mapped_column(
        ForeignKey("signals_raw.alert_id"), comment="The alert that came first."
    )
    source_id: Mapped[str]
    received_at: Mapped[datetime] = now()
    body: Mapped[bytes]


class Reading(Base):
    __tablename__ = "readings"
    __table_args__ = (
        one_of("dedupe_kind", "id", "time", "bytes"),
        CheckConstraint("understood = (parsed is not null)", name="understood"),
        row_xids("intake_readings"),
        {
            "schema": "intake",
            "comment": "What an alert says whose door did not read it; append-only.",
        },
    )

    alert_id: Mapped[UUID] = mapped_column(ForeignKey("signals_raw.alert_id"), primary_key=True)
    org_id: Mapped[str]
    source_id: Mapped[str]
    understood: Mapped[bool]
    parsed: Mapped[dict[str, Any] | None] = json()
    reason_code: Mapped[str | None]
    dedupe_kind: Mapped[str]
    dedupe_value: Mapped[str]
    first_alert_id: Mapped[UUID | None] = note("The alert that it repeats, if it does.")
    source_time: Mapped[datetime | None]
    read_at: Mapped[datetime] = now()
    row_xid: Mapped[int] = row_xid()


class Numbering(Base):
    __tablename__ = "numberings"
    __table_args__ = (
        {"schema": "intake", "comment": "How far the numbers of a source's alerts were looked at."},
    )

    source_id: Mapped[str] = mapped_column(ForeignKey("intake.sources.source_id"), primary_key=True)
    expected: Mapped[int] = big(comment="The number that comes next.")
    looked_until: Mapped[datetime] = note("Alerts received before were looked at.")


class Gap(Base):
    __tablename__ = "gaps"
    __table_args__ = (
        CheckConstraint("first_missing <= last_missing", name="order"),
        Index(
            "gaps_open_key",
            "source_id",
            "first_missing",
            unique=True,
            postgresql_where=text("closed_at is null"),
        ),
        {"schema": "intake", "comment": "Numbers of a source that never came, or came late."},
    )

    gap_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    source_id: Mapped[str] = mapped_column(ForeignKey("intake.sources.source_id"))
    first_missing: Mapped[int] = big()
    last_missing: Mapped[int] = big()
    after_alert_id: Mapped[UUID] = note("The alert that showed the gap.")
    noticed_at: Mapped[datetime] = now()
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = note("'arrived', or the person who looked into it.")
