"""Structures in the market, what readers think of them, and what holds at the newest bar."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from backend.db.tables.base import Base, default, fraction, json, note, now, one_of
from backend.db.tables.market import TIMEFRAMES

STRUCTURES = (
    "bos",
    "choch",
    "sms",
    "sweep",
    "fvg",
    "order_block",
    "breaker",
    "mitigation_block",
)


class Structure(Base):
    __tablename__ = "structures"
    __table_args__ = (
        one_of("timeframe", *TIMEFRAMES),
        one_of("kind", *STRUCTURES),
        one_of("verdict", "sound", "odd"),
        *fraction("conviction"),
        CheckConstraint("direction in (-1, 1)", name="direction"),
        CheckConstraint("agree between 0 and readers", name="agree"),
        CheckConstraint("upper >= lower", name="upper"),
        CheckConstraint("(outlier is null) = (model is null)", name="model"),
        CheckConstraint(
            "(verdict is null) = (judged_at is null) and (verdict is null) = (judged_by is null)",
            name="judged",
        ),
        Index(None, "symbol", "timeframe", "known_at"),
        Index("structures_odd_idx", "known_at", postgresql_where="outlier and verdict is null"),
        {"comment": "Structures that were voted on; those unlike the others wait for a person."},
    )

    structure_id: Mapped[UUID] = mapped_column(
        primary_key=True, comment="Derived from what it is: found again, it is the same."
    )
    symbol: Mapped[str]
    timeframe: Mapped[str]
    kind: Mapped[str]
    direction: Mapped[int] = note("Where price is expected to go.")
    event_at: Mapped[datetime] = note("When the bar opened at which it lies.")
    known_at: Mapped[datetime] = note("When the bar opened at whose close it became known.")
    lower: Mapped[Decimal]
    upper: Mapped[Decimal]
    votes: Mapped[list[Any]] = json("[]", comment="Reader, vote and reason of each.")
    agree: Mapped[int]
    readers: Mapped[int]
    confirmed: Mapped[list[str]] = mapped_column(
        ARRAY(Text()), server_default=text("'{}'"), comment="Measures past their thresholds."
    )
    measures: Mapped[dict[str, Any]] = json("{}")
    features: Mapped[list[Any]] = json("[]", comment="What the isolation forest looks at.")
    conviction: Mapped[Decimal]
    high: Mapped[bool] = note("A majority agrees and enough measures confirm.")
    outlier_score: Mapped[Decimal | None]
    outlier: Mapped[bool | None] = note("Null where no model judged.")
    model: Mapped[str | None] = note("The forest that judged.")
    policy_hash: Mapped[str]
    recorded_at: Mapped[datetime] = now()
    verdict: Mapped[str | None] = note("A person's word; kept as a label.")
    judged_by: Mapped[str | None]
    judged_reason: Mapped[str | None]
    judged_at: Mapped[datetime | None]


class MarketConviction(Base):
    """What a scorer reads beside its bars: the newest row at or before the bar it scores."""

    __tablename__ = "market_conviction"
    __table_args__ = (
        one_of("timeframe", *TIMEFRAMES),
        *fraction("up", "down"),
        {"comment": "How strongly structures up to a bar are believed, for each direction."},
    )

    symbol: Mapped[str] = mapped_column(primary_key=True)
    timeframe: Mapped[str] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime] = mapped_column(primary_key=True, comment="The newest bar known.")
    up: Mapped[Decimal] = note("Strongest conviction of a rise, faded by age.")
    down: Mapped[Decimal]
    high_up: Mapped[bool] = note("One of them has a majority and confirmation.")
    high_down: Mapped[bool]
    outlier_up: Mapped[bool | None] = note("One of them is out of pattern; null: nobody judged.")
    outlier_down: Mapped[bool | None]
    structures: Mapped[int]
    policy_hash: Mapped[str]
    recorded_at: Mapped[datetime] = now()


class StructureModel(Base):
    __tablename__ = "structure_models"
    __table_args__ = (
        Index("structure_models_active_key", "active", unique=True, postgresql_where="active"),
        {"schema": "ops", "comment": "Isolation forests as plain numbers; one is active."},
    )

    model: Mapped[str] = mapped_column(primary_key=True, comment="Changes with any number of it.")
    fitted_at: Mapped[datetime] = now()
    rows: Mapped[int]
    body: Mapped[dict[str, Any]] = json()
    active: Mapped[bool] = default("false")
