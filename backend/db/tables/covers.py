"""Covers that were asked for, so that none is asked for twice and none without end."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import SIDES, Base, note, now, one_of, positive


class Cover(Base):
    __tablename__ = "covers"
    __table_args__ = (
        one_of("side", *SIDES),
        *positive("quantity"),
        CheckConstraint(
            "(intent_id is null) = (quantity is null) and (quantity is null) = (side is null)",
            name="asked",
        ),
        Index(None, "account_id", "asked_at"),
        {
            "schema": "execution",
            "comment": "Every try at covering a residual, with or without an intent.",
        },
    )

    cover_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"))
    symbol: Mapped[str] = note("The hedge instrument.")
    fill_id: Mapped[UUID] = note("The fill after which the residual stands.")
    intent_id: Mapped[UUID | None] = mapped_column(
        unique=True, comment="What asked for authority; null while nothing was asked."
    )
    side: Mapped[str | None]
    quantity: Mapped[Decimal | None] = note("Lots.")
    asked_at: Mapped[datetime] = now()
