"""What limits are judged by beside the book: packs as they changed, scenarios, brakes, news."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import Base, json, not_negative, note, now, one_of, row_xid, row_xids


class PolicyChange(Base):
    __tablename__ = "policy_changes"
    __table_args__ = (
        one_of("effect", "first", "tightened", "loosened"),
        CheckConstraint("(effect = 'first') = (before_hash is null)", name="before_hash"),
        row_xids("policy_changes"),
        {
            "schema": "risk",
            "comment": "Which pack followed which, in what they differ; append-only.",
        },
    )

    change_id: Mapped[UUID] = mapped_column(primary_key=True)
    changed_at: Mapped[datetime] = now()
    changed_by: Mapped[str]
    before_hash: Mapped[str | None] = mapped_column(ForeignKey("risk.policies.policy_hash"))
    after_hash: Mapped[str] = mapped_column(ForeignKey("risk.policies.policy_hash"))
    effect: Mapped[str]
    differences: Mapped[list[Any]] = json("[]", comment="Path, before, after and effect of each.")
    proposal_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("proposals.proposal_id"), comment="Whose quorum allowed it to loosen."
    )
    row_xid: Mapped[int] = row_xid()


class Scenario(Base):
    __tablename__ = "scenarios"
    __table_args__ = (
        CheckConstraint("cardinality(returns) > 0", name="returns"),
        {
            "schema": "risk",
            "comment": "One day's returns of each symbol, from market history; one day, one place.",
        },
    )

    symbol: Mapped[str] = mapped_column(primary_key=True)
    returns: Mapped[list[float]] = mapped_column(
        ARRAY(Double()), comment="Simple returns of one day; all symbols have the same days."
    )
    correlations: Mapped[dict[str, Any]] = json("{}", comment="With every other symbol, as text.")
    first_day: Mapped[datetime]
    last_day: Mapped[datetime]
    as_of: Mapped[datetime] = now()
    good_until: Mapped[datetime] = note("After that they are too old to judge by.")


class Measurement(Base):
    __tablename__ = "measurements"
    __table_args__ = (
        one_of("scope", "account", "strategy", "venue", "instrument"),
        one_of("kind", "rejection_rate_pct", "adverse_selection_bps"),
        *not_negative("sample"),
        {
            "schema": "risk",
            "comment": "What brakes look at, measured from recent orders and fills.",
            "postgresql_with": {"fillfactor": "50"},
        },
    )

    scope: Mapped[str] = mapped_column(primary_key=True)
    scope_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Decimal] = note("Zero while the sample is too small to speak.")
    sample: Mapped[int]
    as_of: Mapped[datetime] = now()
    good_until: Mapped[datetime]


class StrategyRecord(Base):
    __tablename__ = "strategy_records"
    __table_args__ = (
        *not_negative("trades", "wins", "losses_in_row"),
        {
            "schema": "risk",
            "comment": "What the market made of each strategy's signals so far, in counts.",
            "postgresql_with": {"fillfactor": "50"},
        },
    )

    strategy_id: Mapped[str] = mapped_column(ForeignKey("strategies.strategy_id"), primary_key=True)
    trades: Mapped[int] = note("Signals whose outcome is known.")
    wins: Mapped[int]
    losses_in_row: Mapped[int] = note("Counted back from the last outcome.")
    last_closed_at: Mapped[datetime]


class Cooldown(Base):
    __tablename__ = "cooldowns"
    __table_args__ = (
        one_of("scope", "strategy", "venue"),
        CheckConstraint("btrim(reason) <> ''", name="reason"),
        CheckConstraint("(ended_at is null) = (ended_by is null)", name="ended_by"),
        Index(
            "cooldowns_standing_key",
            "scope",
            "scope_id",
            unique=True,
            postgresql_where="ended_at is null",
        ),
        {"schema": "risk", "comment": "Strategies and venues that rest after a brake or by hand."},
    )

    cooldown_id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str]
    scope_id: Mapped[str]
    reason: Mapped[str]
    started_at: Mapped[datetime] = now()
    started_by: Mapped[str]
    rests_until: Mapped[datetime | None] = note("Null rests until a quorum re-enables it.")
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    proposal_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("proposals.proposal_id"), comment="Whose quorum ended it early."
    )


class NewsEvent(Base):
    __tablename__ = "news_events"
    __table_args__ = (
        Index(None, "happens_at"),
        CheckConstraint("btrim(title) <> ''", name="title"),
        {"schema": "risk", "comment": "Announcements around which the desk opens nothing."},
    )

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    happens_at: Mapped[datetime]
    currency: Mapped[str] = note("Of the instruments concerned; `*` concerns all.")
    title: Mapped[str]
    recorded_at: Mapped[datetime] = now()
    recorded_by: Mapped[str]
