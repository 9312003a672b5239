"""Operations: incidents, flags, who should run, tokens, what SQL was applied."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import (
    Base,
    big,
    default,
    json,
    not_negative,
    note,
    now,
    one_of,
    positive,
)


class Incident(Base):
    __tablename__ = "incidents"
    __table_args__ = (
        one_of("severity", "INFO", "WARN", "CRITICAL"),
        one_of("state", "open", "closed"),
        CheckConstraint("(state = 'closed') = (closed_at is not null)", name="closed_at"),
        Index(
            "incidents_open_key", "kind", "subject", unique=True, postgresql_where="state = 'open'"
        ),
        {"schema": "ops", "comment": "What is wrong, one open row per kind and subject."},
    )

    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    severity: Mapped[str]
    detail: Mapped[dict[str, Any]] = json("{}")
    state: Mapped[str] = default("'open'")
    opened_at: Mapped[datetime] = now()
    closed_at: Mapped[datetime | None]


class FeatureFlag(Base):
    __tablename__ = "feature_flags"
    __table_args__ = ({"schema": "ops", "comment": "Switches that operators may turn."},)

    flag: Mapped[str] = mapped_column(primary_key=True)
    enabled: Mapped[bool] = default("false")
    note: Mapped[str | None]
    updated_at: Mapped[datetime] = now()
    announced: Mapped[bool | None] = mapped_column(comment="As the desk was last told.")


class DesiredAgent(Base):
    __tablename__ = "desired_agents"
    __table_args__ = (
        *not_negative("desired"),
        {"schema": "ops", "comment": "How many workers of each agent should run."},
    )

    agent: Mapped[str] = mapped_column(primary_key=True)
    desired: Mapped[int] = default("1")
    draining: Mapped[bool] = default("false")
    updated_at: Mapped[datetime] = now()
    observed: Mapped[int | None] = note("Workers seen when last reported.")


class JobRun(Base):
    __tablename__ = "job_runs"
    __table_args__ = (
        *positive("every_s"),
        {
            "schema": "ops",
            "comment": "The last run of each scheduled job: how a silent broker is noticed.",
            "postgresql_with": {"fillfactor": "50"},
        },
    )

    job: Mapped[str] = mapped_column(primary_key=True)
    every_s: Mapped[int] = note("How often it is scheduled, at least.")
    runs: Mapped[int] = big(server_default=text("0"))
    failures: Mapped[int] = big(server_default=text("0"))
    last_run_at: Mapped[datetime] = now()
    last_error: Mapped[str | None] = note("Null where the last run ended well.")
    last_report: Mapped[str | None]
    host: Mapped[str | None]


class Retention(Base):
    __tablename__ = "retention"
    __table_args__ = (
        *positive("keep_days"),
        {
            "schema": "ops",
            "comment": "How many days partitions, open reviews and passing keys are kept.",
        },
    )

    subject: Mapped[str] = mapped_column(primary_key=True)
    keep_days: Mapped[int | None] = note("Null keeps for ever.")
    why: Mapped[str]


class AppliedFile(Base):
    __tablename__ = "routines"
    __table_args__ = ({"schema": "ops", "comment": "The files of sql/ as last applied."},)

    path: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    revision: Mapped[str] = note("The migration that the database was at.")
    applied_at: Mapped[datetime] = now()


class ApiToken(Base):
    __tablename__ = "api_tokens"
    __table_args__ = (
        CheckConstraint("octet_length(token_sha256) = 32", name="token_sha256"),
        {"schema": "ops", "comment": "Bearers for the API, kept as their hash only."},
    )

    token_id: Mapped[UUID] = mapped_column(primary_key=True)
    token_sha256: Mapped[bytes] = mapped_column(unique=True)
    person: Mapped[str]
    role_name: Mapped[str]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.org_id"))
    created_at: Mapped[datetime] = now()
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint("octet_length(body_sha256) = 32", name="body_sha256"),
        {"schema": "ops", "comment": "Answers already given to a person's keyed requests."},
    )

    person: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    body_sha256: Mapped[bytes]
    status: Mapped[int | None]
    reply: Mapped[dict[str, Any] | None] = json()
    created_at: Mapped[datetime] = now()
