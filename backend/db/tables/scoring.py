"""What scores rest on: weights, earlier outcomes, people's words; and who is told of a review."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import (
    SIDES,
    Base,
    Embedding,
    big,
    default,
    json,
    not_negative,
    note,
    now,
    one_of,
    row_xid,
    row_xids,
)


class ScoringWeights(Base):
    __tablename__ = "scoring_weights"
    __table_args__ = (
        one_of("state", "candidate", "active", "retired"),
        CheckConstraint("split_part(line, ';', 1) = weights_version", name="line"),
        Index(
            "scoring_weights_active_key", "state", unique=True, postgresql_where="state = 'active'"
        ),
        {
            "schema": "intake",
            "comment": "Versions of the score's weights; one is active, by a passed proposal.",
        },
    )

    weights_version: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[str] = note("Version, intercept and log-odds, as decisions record them.")
    state: Mapped[str] = default("'candidate'")
    fit: Mapped[dict[str, Any]] = json("{}", comment="What it was learned from, how calibrated.")
    created_at: Mapped[datetime] = now()
    created_by: Mapped[str]
    activated_at: Mapped[datetime | None]
    proposal_id: Mapped[UUID | None] = note("Whose quorum activated it.")


class Precedent(Base):
    __tablename__ = "precedents"
    __table_args__ = (
        one_of("side", *SIDES),
        one_of("ended", "target", "stop", "time"),
        CheckConstraint("closed_at > scored_at", name="closed_at"),
        # Covers the exact search: a group lies together, and nothing else need be read.
        Index(
            "precedents_group_idx",
            "org_id",
            "symbol_class",
            "closed_at",
            postgresql_include=["feature_vector", "rationale_id", "outcome_r"],
        ),
        Index(
            "precedents_vector_idx",
            "feature_vector",
            postgresql_using="hnsw",
            postgresql_ops={"feature_vector": "extensions.vector_l2_ops"},
        ),
        Index(None, "closed_at"),
        {
            "comment": "Rationales whose outcome is known, as the search for alike reads them.",
            "postgresql_with": {"autovacuum_vacuum_insert_scale_factor": "0.02"},
        },
    )

    rationale_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    symbol_class: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    feature_vector: Mapped[str] = mapped_column(
        Embedding(16), comment="As the side sees it, without what belongs to the moment."
    )
    outcome_r: Mapped[Decimal] = note("What the market made of it, in units of risk.")
    ended: Mapped[str]
    policy_hash: Mapped[str] = note("Whose stop and target it was held to.")
    scored_at: Mapped[datetime]
    closed_at: Mapped[datetime] = note("When its outcome could first be known.")
    recorded_at: Mapped[datetime] = now()


class PrecedentGroup(Base):
    __tablename__ = "precedent_groups"
    __table_args__ = (
        *not_negative("held"),
        {
            "schema": "intake",
            "comment": "How many precedents each organisation has of a class.",
            "postgresql_with": {"fillfactor": "50"},
        },
    )

    org_id: Mapped[str] = mapped_column(primary_key=True)
    symbol_class: Mapped[str] = mapped_column(primary_key=True)
    held: Mapped[int] = big()


class ReviewLabel(Base):
    __tablename__ = "review_labels"
    __table_args__ = (
        one_of("label", "approved", "refused"),
        CheckConstraint("btrim(reason) <> ''", name="reason"),
        Index(None, "rationale_id"),
        Index(None, "org_id", "labelled_at"),
        row_xids("review_labels"),
        {"comment": "What people said of signals and alerts, to learn from; append-only."},
    )

    review_id: Mapped[UUID] = mapped_column(ForeignKey("review_queue.review_id"), primary_key=True)
    org_id: Mapped[str]
    correlation_id: Mapped[UUID]
    kind: Mapped[str]
    rationale_id: Mapped[UUID | None] = note("Null for what was never scored.")
    label: Mapped[str]
    labelled_by: Mapped[str]
    reason: Mapped[str]
    labelled_at: Mapped[datetime] = now()
    row_xid: Mapped[int] = row_xid()


class Notice(Base):
    __tablename__ = "notices"
    __table_args__ = (
        one_of("state", "due", "done", "failed"),
        *not_negative("attempts"),
        Index("notices_due_idx", "next_at", postgresql_where="state = 'due'"),
        {"schema": "ops", "comment": "What a person should be told: due until every one was."},
    )

    notice_id: Mapped[UUID] = mapped_column(primary_key=True, comment="The review's id.")
    org_id: Mapped[str]
    audience: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    state: Mapped[str] = default("'due'")
    attempts: Mapped[int] = default("0")
    next_at: Mapped[datetime] = now()
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = now()


class NoticeDelivery(Base):
    __tablename__ = "notice_deliveries"
    __table_args__ = (
        {"schema": "ops", "comment": "Which destination took which notice: none is told twice."},
    )

    notice_id: Mapped[UUID] = mapped_column(
        ForeignKey("ops.notices.notice_id", ondelete="CASCADE"), primary_key=True
    )
    destination: Mapped[str] = mapped_column(primary_key=True, comment="A name, never an address.")
    sent_at: Mapped[datetime] = now()
