"""Intake: who may send alerts, and what makes two of them the same."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import Base, big, default, now, one_of, positive


class Source(Base):
    __tablename__ = "sources"
    __table_args__ = (
        one_of("state", "active", "revoked"),
        *positive("rate_per_minute", "max_age_ms"),
        CheckConstraint("octet_length(token_sha256) = 32", name="token_sha256"),
        {"schema": "intake", "comment": "Webhooks: a token each, kept as its hash only."},
    )

    source_id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.org_id"))
    strategy_id: Mapped[str] = mapped_column(ForeignKey("strategies.strategy_id"))
    token_sha256: Mapped[bytes] = mapped_column(unique=True)
    secret_sha256: Mapped[bytes | None]
    state: Mapped[str] = default("'active'")
    rate_per_minute: Mapped[int] = default("600")
    max_age_ms: Mapped[int] = big(server_default="300000", comment="Older alerts go to review.")
    created_at: Mapped[datetime] = now()
    revoked_at: Mapped[datetime | None]


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
