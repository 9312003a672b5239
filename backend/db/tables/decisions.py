"""The record: how each alert ended, what each agent decided, what came of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import Base, big, default, json, note, now, one_of, row_xid, row_xids

FINAL_OUTCOMES = (
    "filled",
    "partially_filled",
    "rejected",
    "denied",
    "not_selected",
    "expired",
    "duplicate",
    "dead_letter",
    "in_review",
    "awaiting_vote",
)


class AlertOutcome(Base):
    __tablename__ = "alert_outcomes"
    __table_args__ = (
        one_of("outcome", *FINAL_OUTCOMES),
        CheckConstraint("decided_at >= first_decided_at", name="decided_at"),
        Index(None, "org_id", "outcome"),
        {"comment": "Where each alert ended, or rests; ops.record_outcome alone writes it."},
    )

    correlation_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    outcome: Mapped[str]
    code: Mapped[str | None]
    agent: Mapped[str]
    decided_at: Mapped[datetime] = now()
    first_decided_at: Mapped[datetime] = now()


class DecisionTrace(Base):
    __tablename__ = "decision_traces"
    __table_args__ = (
        Index(None, "correlation_id"),
        Index(None, "agent", "decided_at"),
        Index(None, "trace_id"),
        row_xids("decision_traces"),
        {
            "comment": "Every decision with all it was made from; append-only, a partition a day.",
            "postgresql_partition_by": "RANGE (decided_at)",
        },
    )

    decided_at: Mapped[datetime] = now(primary_key=True)
    trace_id: Mapped[UUID] = mapped_column(primary_key=True)
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    agent: Mapped[str]
    msg_id: Mapped[UUID | None] = note("The message decided on; null for an agent's own tick.")
    message_type: Mapped[str | None]
    inputs: Mapped[dict[str, Any]] = json("{}")
    facts: Mapped[dict[str, Any]] = json("{}", comment="What handle was given.")
    clock: Mapped[datetime] = note("The time that handle was told.")
    seed: Mapped[int] = big(server_default="0")
    feature_hash: Mapped[str | None]
    policy_hash: Mapped[str | None]
    outcome: Mapped[str]
    code: Mapped[str | None]
    explanation: Mapped[str]
    final_outcome: Mapped[str | None]
    decision: Mapped[dict[str, Any]] = json("{}", comment="What handle returned, canonical.")
    latency_us: Mapped[int] = big()
    worker_id: Mapped[UUID | None]
    code_version: Mapped[str | None]
    row_xid: Mapped[int] = row_xid()


class DecisionDelta(Base):
    __tablename__ = "decision_deltas"
    __table_args__ = (
        Index(None, "correlation_id"),
        Index(None, "org_id", "closed_at"),
        {"comment": "Predicted against realised, one row per closed order."},
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    predicted: Mapped[dict[str, Any]] = json("{}")
    realized: Mapped[dict[str, Any]] = json("{}")
    delta: Mapped[Decimal | None] = note("Realised minus predicted; null if nothing was predicted.")
    closed_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = now()


class ComplianceAlert(Base):
    __tablename__ = "compliance_alerts"
    __table_args__ = (
        one_of("severity", "INFO", "WARN", "CRITICAL"),
        Index(None, "correlation_id"),
        Index(None, "org_id", "raised_at"),
        {"comment": "What compliance found."},
    )

    alert_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    order_id: Mapped[UUID | None]
    account_id: Mapped[str | None]
    symbol: Mapped[str | None]
    severity: Mapped[str]
    rule_id: Mapped[str]
    description: Mapped[str]
    evidence: Mapped[dict[str, Any]] = json("{}")
    remediation_required: Mapped[bool] = default("false")
    raised_at: Mapped[datetime] = now()
    correlation_id: Mapped[UUID | None]


class ReportSnapshot(Base):
    __tablename__ = "report_snapshots"
    __table_args__ = (
        Index(None, "org_id", "account_id", "generated_at"),
        {"comment": "The books as reported."},
    )

    snapshot_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    account_id: Mapped[str | None] = note("Null for the whole organisation.")
    metrics: Mapped[dict[str, Any]] = json("{}")
    generated_at: Mapped[datetime] = now()
