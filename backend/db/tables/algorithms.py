"""Orders that are worked over time: what was planned, what was sent, what it cost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import (
    LATENCY_CLASSES,
    Base,
    default,
    json,
    not_negative,
    note,
    now,
    one_of,
    positive,
)

ALGORITHMS = ("immediate", "twap", "vwap", "pov", "iceberg", "passive", "adaptive")


class WorkedOrder(Base):
    __tablename__ = "parents"
    __table_args__ = (
        one_of("algorithm", *ALGORITHMS),
        one_of("latency_class", *LATENCY_CLASSES),
        one_of("state", "working", "done"),
        *positive("quantity", "decision_price"),
        CheckConstraint("ends_at > starts_at", name="ends_at"),
        CheckConstraint("(state = 'done') = (finished_at is not null)", name="finished_at"),
        CheckConstraint("(state = 'done') = (look_at is null)", name="look_at"),
        CheckConstraint(
            "delay_bps + impact_bps + spread_bps + opportunity_bps = total_bps", name="total_bps"
        ),
        Index(None, "org_id", "starts_at"),
        Index("parents_working_idx", "look_at", postgresql_where="state = 'working'"),
        {
            "schema": "execution",
            "comment": "Orders worked over time: the schedule stated in advance, and what it cost.",
            "postgresql_with": {"fillfactor": "70"},
        },
    )

    intent_id: Mapped[UUID] = mapped_column(ForeignKey("intents.intent_id"), primary_key=True)
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    account_id: Mapped[str]
    symbol: Mapped[str]
    algorithm: Mapped[str]
    latency_class: Mapped[str]
    why: Mapped[str] = note("Why this algorithm.")
    quantity: Mapped[Decimal] = note("Lots.")
    decision_price: Mapped[Decimal] = note("At which the trade was decided.")
    arrival_bid: Mapped[Decimal] = note("As the order arrived at its algorithm.")
    arrival_ask: Mapped[Decimal]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime] = note("After this nothing of it works.")
    schedule: Mapped[list[Any]] = json(comment="From when on which lots are due in all.")
    terms: Mapped[dict[str, Any]] = json(comment="The pack's numbers when it was planned.")
    seed: Mapped[str] = note("From which its random shifts follow.")
    state: Mapped[str]
    look_at: Mapped[datetime | None] = note("When it is to be looked at next.")
    slice_id: Mapped[UUID | None] = mapped_column(
        unique=True, comment="The last time that it was to be looked at."
    )
    finished_at: Mapped[datetime | None]
    finished_why: Mapped[str | None]
    filled_quantity: Mapped[Decimal | None]
    average_price: Mapped[Decimal | None]
    delay_bps: Mapped[Decimal | None] = note("Of the decision price on all of it; above 0 worse.")
    impact_bps: Mapped[Decimal | None]
    spread_bps: Mapped[Decimal | None]
    opportunity_bps: Mapped[Decimal | None]
    total_bps: Mapped[Decimal | None] = note("The implementation shortfall.")
    behind_share: Mapped[Decimal | None] = note("How far fills were from the schedule, 0 to 1.")


class WorkedSlice(Base):
    __tablename__ = "slices"
    __table_args__ = (
        Index(None, "intent_id"),
        {
            "schema": "execution",
            "comment": "Why each child of a worked order was sent, and the market that it met.",
        },
    )

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.order_id"), primary_key=True)
    intent_id: Mapped[UUID] = mapped_column(ForeignKey("execution.parents.intent_id"))
    org_id: Mapped[str]
    due_quantity: Mapped[Decimal] = note("What the schedule said was due in all.")
    bid: Mapped[Decimal]
    ask: Mapped[Decimal]
    why: Mapped[str]
    decided_at: Mapped[datetime] = now()


class VolumeCurveRow(Base):
    __tablename__ = "volume_curves"
    __table_args__ = (
        *positive("bucket_s", "days"),
        {
            "schema": "execution",
            "comment": "Mean volume by time since a session began, learned from bars.",
        },
    )

    symbol: Mapped[str] = mapped_column(primary_key=True)
    session: Mapped[str] = mapped_column(primary_key=True)
    bucket_s: Mapped[int]
    volumes: Mapped[list[Any]] = json(comment="One mean per bucket, as texts.")
    days: Mapped[int] = note("How many of the session it was learned from.")
    learned_at: Mapped[datetime] = now()


class SlippageModelRow(Base):
    __tablename__ = "slippage_models"
    __table_args__ = (
        Index("slippage_models_active_key", "active", unique=True, postgresql_where="active"),
        {
            "schema": "execution",
            "comment": "What orders slip by, as fitted: trees as plain numbers; one is active.",
        },
    )

    model: Mapped[str] = mapped_column(primary_key=True, comment="Changes with any number of it.")
    fitted_at: Mapped[datetime] = now()
    rows: Mapped[int] = note("Fills that it was fitted on.")
    body: Mapped[dict[str, Any]] = json()
    calibration: Mapped[list[Any]] = json(comment="How each level held on fills that it never saw.")
    active: Mapped[bool] = default("false")


class VenueModelRow(Base):
    __tablename__ = "venue_models"
    __table_args__ = (
        one_of("state", "candidate", "active", "retired"),
        Index("venue_models_active_key", "state", unique=True, postgresql_where="state = 'active'"),
        {
            "schema": "execution",
            "comment": "What venues are believed to cost; one is active, by a passed proposal.",
        },
    )

    model: Mapped[str] = mapped_column(primary_key=True, comment="Changes with any number of it.")
    state: Mapped[str] = default("'candidate'")
    body: Mapped[dict[str, Any]] = json(comment="What venues cost, as believed.")
    rows: Mapped[int] = note("Choices that it learned from.")
    evaluation: Mapped[dict[str, Any]] = json(
        comment="What it would have earned with later choices, off policy."
    )
    learned_at: Mapped[datetime] = now()
    activated_at: Mapped[datetime | None]
    proposal_id: Mapped[UUID | None] = note("Whose quorum activated it.")


class LatencyBaseline(Base):
    __tablename__ = "latency_baselines"
    __table_args__ = (
        one_of("span", "hour", "week"),
        *not_negative("attempts", "answered", "unanswered", "rejected"),
        Index(None, "starts_at"),
        {
            "schema": "execution",
            "comment": "How long venues take to answer, by venue, route and order type: each hour, "
            "and the week up to now.",
        },
    )

    venue_id: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True, comment="The account whose bridge sends.")
    order_type: Mapped[str] = mapped_column(primary_key=True)
    span: Mapped[str] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(
        primary_key=True, comment="Of an hour; of the week always the same instant."
    )
    attempts: Mapped[int]
    answered: Mapped[int]
    unanswered: Mapped[int]
    rejected: Mapped[int]
    p50_ms: Mapped[int | None]
    p90_ms: Mapped[int | None]
    p95_ms: Mapped[int | None]
    p99_ms: Mapped[int | None]
    longest_ms: Mapped[int | None]
    rolled_at: Mapped[datetime] = now()
