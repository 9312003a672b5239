"""What a strategy's twin in the shadow did with the same alerts, beside what production did."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import SIDES, Base, default, note, now, one_of
from backend.db.tables.decisions import FINAL_OUTCOMES


class ShadowComparison(Base):
    __tablename__ = "shadow_comparisons"
    __table_args__ = (
        one_of("side", *SIDES),
        one_of("shadow_outcome", *FINAL_OUTCOMES),
        one_of("production_outcome", *FINAL_OUTCOMES),
        one_of("verdict", "open", "agree", "size", "takes", "leaves", "reasons"),
        CheckConstraint("(verdict = 'open') = (compared_at is null)", name="compared_at"),
        Index(None, "shadow_account_id", "compared_at"),
        Index(None, "org_id", "started_at"),
        Index("shadow_comparisons_open_idx", "started_at", postgresql_where="verdict = 'open'"),
        {
            "comment": "Production and its twin on the same alert: decisions, sizes, slippage.",
            "postgresql_with": {"fillfactor": "70"},
        },
    )

    shadow_correlation_id: Mapped[UUID] = mapped_column(
        primary_key=True, comment="What the twin did runs under an id of its own."
    )
    correlation_id: Mapped[UUID] = mapped_column(index=True, comment="The alert's.")
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.org_id"))
    strategy_id: Mapped[str]
    account_id: Mapped[str]
    shadow_strategy_id: Mapped[str]
    shadow_account_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    started_at: Mapped[datetime] = now()
    shadow_outcome: Mapped[str | None] = note("Where the twin ended; the alert's end is elsewhere.")
    shadow_code: Mapped[str | None]
    shadow_ended_at: Mapped[datetime | None]
    production_outcome: Mapped[str | None]
    production_code: Mapped[str | None]
    verdict: Mapped[str] = default(
        "'open'",
        comment="takes: the twin alone trades; leaves: production alone; size: both, unequal lots.",
    )
    production_quantity: Mapped[Decimal | None] = note("Lots filled.")
    shadow_quantity: Mapped[Decimal | None]
    production_price: Mapped[Decimal | None] = note("Mean of its fills.")
    shadow_price: Mapped[Decimal | None]
    production_slippage_bps: Mapped[Decimal | None] = note("Against the reference; above 0 worse.")
    shadow_slippage_bps: Mapped[Decimal | None]
    slippage_difference_bps: Mapped[Decimal | None] = note("The twin's less production's.")
    compared_at: Mapped[datetime | None]
