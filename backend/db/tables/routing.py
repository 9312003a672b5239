"""What shadow routing policies would have done otherwise, and what that was worth."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import SIDES, Base, default, note, now, one_of, positive


class RoutingDifference(Base):
    __tablename__ = "routing_differences"
    __table_args__ = (
        one_of("side", *SIDES),
        one_of("kind", "takes", "leaves", "reasons"),
        one_of("outcome", "open", "target", "stop", "horizon", "unknown", "none"),
        *positive("reference_price", "stop_loss", "take_profit"),
        CheckConstraint("(kind = 'takes') = (code is null)", name="code"),
        CheckConstraint("(kind = 'reasons') = (outcome = 'none')", name="reasons"),
        CheckConstraint(
            "(outcome in ('target', 'stop', 'horizon')) = (gain_r is not null)", name="gain_r"
        ),
        CheckConstraint(
            "(outcome in ('open', 'none')) = (resolved_at is null)", name="resolved_at"
        ),
        Index(None, "org_id", "shadow", "decided_at"),
        Index(None, "correlation_id"),
        Index("routing_differences_open_idx", "decided_at", postgresql_where="outcome = 'open'"),
        {"comment": "Where a shadow routing policy judged otherwise than the active one."},
    )

    opportunity_id: Mapped[UUID] = mapped_column(primary_key=True)
    shadow: Mapped[str] = mapped_column(primary_key=True, comment="The shadow policy's name.")
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    active: Mapped[str] = note("The policy that decided.")
    active_code: Mapped[str | None] = note("Why it did not select; null where it did.")
    kind: Mapped[str]
    code: Mapped[str | None] = note("Why the shadow would not have selected.")
    detail: Mapped[str]
    reference_price: Mapped[Decimal]
    stop_loss: Mapped[Decimal]
    take_profit: Mapped[Decimal]
    decided_at: Mapped[datetime] = now()
    outcome: Mapped[str] = default("'open'", comment="What the market met first.")
    gain_r: Mapped[Decimal | None] = note("What the shadow would have earned more, in risks (R).")
    resolved_at: Mapped[datetime | None]
