"""Signals: from an alert's bytes to the opportunity that the router picks."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, INET
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text, Uuid

from backend.db.tables.base import (
    LATENCY_CLASSES,
    MODES,
    ORDER_TYPES,
    SIDES,
    Base,
    Embedding,
    fraction,
    json,
    note,
    now,
    one_of,
    positive,
    row_xid,
    row_xids,
)


class RawSignal(Base):
    __tablename__ = "signals_raw"
    __table_args__ = (
        one_of("dedupe_kind", "id", "time", "bytes"),
        CheckConstraint("understood = (parsed is not null)", name="understood"),
        Index(None, "received_at"),
        Index(None, "org_id", "received_at"),
        Index(
            "signals_raw_numbered_idx",
            "source_id",
            "received_at",
            postgresql_where=text("(parsed ->> 'sequence') is not null"),
        ),
        row_xids("signals_raw"),
        {"comment": "Alerts as they came, byte for byte; append-only."},
    )

    alert_id: Mapped[UUID] = mapped_column(primary_key=True)
    correlation_id: Mapped[UUID] = mapped_column(unique=True, comment="Leads through everything.")
    org_id: Mapped[str]
    source_id: Mapped[str]
    received_at: Mapped[datetime]
    body: Mapped[bytes]
    content_type: Mapped[str | None]
    remote_address: Mapped[str | None] = mapped_column(INET())
    parsed: Mapped[dict[str, Any] | None] = json()
    understood: Mapped[bool]
    reason_code: Mapped[str | None]
    dedupe_kind: Mapped[str | None]
    dedupe_value: Mapped[str | None]
    source_time: Mapped[datetime | None] = note("When the source says that it fired.")
    row_xid: Mapped[int] = row_xid()


class NormalizedSignal(Base):
    __tablename__ = "signals_normalized"
    __table_args__ = (
        one_of("side", *SIDES),
        one_of("order_type", *ORDER_TYPES),
        one_of("mode", *MODES),
        *positive("price", "stop_loss", "take_profit", "quantity"),
        Index(None, "correlation_id"),
        Index(None, "symbol", "normalized_at"),
        row_xids("signals_normalized"),
        {"comment": "Signals in the desk's own words, one per alert."},
    )

    signal_id: Mapped[UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[UUID] = mapped_column(ForeignKey("signals_raw.alert_id"), unique=True)
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    symbol: Mapped[str] = mapped_column(ForeignKey("instruments.symbol"))
    symbol_class: Mapped[str]
    side: Mapped[str]
    order_type: Mapped[str]
    price: Mapped[Decimal | None]
    stop_loss: Mapped[Decimal | None]
    take_profit: Mapped[Decimal | None]
    quantity: Mapped[Decimal | None] = note("Lots, if the alert named any.")
    timeframe: Mapped[str]
    session: Mapped[str]
    source_time: Mapped[datetime | None]
    received_at: Mapped[datetime]
    strategy_id: Mapped[str]
    mode: Mapped[str]
    normalized_at: Mapped[datetime] = now()
    session_tags: Mapped[list[str]] = mapped_column(
        ARRAY(Text()),
        server_default=text("'{}'"),
        comment="Every session that was open; `session` is the leading one.",
    )
    row_xid: Mapped[int] = row_xid()


class Rationale(Base):
    __tablename__ = "strategy_rationales"
    __table_args__ = (
        one_of("side", *SIDES),
        *fraction("score", "confidence", "threshold"),
        Index(None, "correlation_id"),
        Index(None, "org_id", "scored_at"),
        row_xids("strategy_rationales"),
        {"comment": "What each score is made of, passed or not; append-only."},
    )

    rationale_id: Mapped[UUID] = mapped_column(primary_key=True)
    signal_id: Mapped[UUID] = mapped_column(unique=True)
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    score: Mapped[Decimal]
    confidence: Mapped[Decimal]
    axes: Mapped[dict[str, Any]] = json("{}")
    features: Mapped[dict[str, Any]] = json("{}")
    feature_vector: Mapped[str | None] = mapped_column(Embedding(16))
    contributions: Mapped[list[Any]] = json("[]")
    conflicts: Mapped[list[Any]] = json("[]")
    unknown: Mapped[list[str]] = mapped_column(
        ARRAY(Text()),
        server_default=text("'{}'"),
        comment="Features that nobody could tell; they lower the confidence.",
    )
    precedents: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid()), server_default=text("'{}'"), comment="Nearest earlier rationales."
    )
    sentence: Mapped[str]
    weights_version: Mapped[str]
    threshold: Mapped[Decimal]
    passed: Mapped[bool]
    scored_at: Mapped[datetime] = now()
    row_xid: Mapped[int] = row_xid()


class Review(Base):
    __tablename__ = "review_queue"
    __table_args__ = (
        one_of("kind", "alert", "signal", "intent"),
        one_of("state", "open", "approved", "refused", "expired"),
        CheckConstraint("(state = 'open') = (decided_at is null)", name="decided_at"),
        Index(None, "correlation_id"),
        Index("review_queue_open_idx", "org_id", "opened_at", postgresql_where="state = 'open'"),
        {"comment": "What waits for a person, and why."},
    )

    review_id: Mapped[UUID] = mapped_column(primary_key=True)
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    kind: Mapped[str]
    subject_id: Mapped[UUID] = note("The alert, signal or intent, as kind says.")
    reason_code: Mapped[str]
    detail: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default=text("'open'"))
    opened_at: Mapped[datetime] = now()
    decided_by: Mapped[str | None]
    decision_reason: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class Hypothesis(Base):
    __tablename__ = "hypotheses"
    __table_args__ = (
        one_of("side", *SIDES),
        one_of("latency_class", *LATENCY_CLASSES),
        *fraction("probability"),
        CheckConstraint("window_closes_at > window_opens_at", name="window_closes_at"),
        Index(None, "correlation_id"),
        {"comment": "What the strategy analyst expects, why, and until when it holds."},
    )

    hypothesis_id: Mapped[UUID] = mapped_column(primary_key=True)
    signal_id: Mapped[UUID]
    rationale_id: Mapped[UUID]
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    probability: Mapped[Decimal]
    evidence: Mapped[list[Any]] = json("[]")
    window_opens_at: Mapped[datetime]
    window_closes_at: Mapped[datetime]
    latency_class: Mapped[str]
    created_at: Mapped[datetime] = now()


class Opportunity(Base):
    __tablename__ = "opportunities"
    __table_args__ = (
        one_of("side", *SIDES),
        *fraction("confidence"),
        CheckConstraint("selected or code is not null", name="code"),
        Index(None, "correlation_id"),
        Index(None, "symbol", "created_at"),
        CheckConstraint("propensity between 0 and 1", name="propensity"),
        Index(
            "opportunities_choices_idx",
            "strategy_id",
            "created_at",
            postgresql_where="propensity is not null",
        ),
        {"comment": "Hypotheses as the router judged them; one that lost says why."},
    )

    opportunity_id: Mapped[UUID] = mapped_column(primary_key=True)
    hypothesis_id: Mapped[UUID]
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    score: Mapped[Decimal]
    confidence: Mapped[Decimal]
    selected: Mapped[bool]
    code: Mapped[str | None]
    routing_policy: Mapped[str]
    strategy_id: Mapped[str | None]
    account_id: Mapped[str | None]
    venue_id: Mapped[str | None]
    created_at: Mapped[datetime] = now()
    propensity: Mapped[Decimal | None] = note(
        "The chance that its venue had; null where there was nothing to choose."
    )
    explored: Mapped[bool | None] = note("Another venue was expected to cost less.")
    notional: Mapped[Decimal | None] = note(
        "The largest that it could become as the venue was chosen."
    )
