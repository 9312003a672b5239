"""The treasury's books."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import Base, default, not_negative, now


class Balance(Base):
    __tablename__ = "balances"
    __table_args__ = (
        *not_negative("buffer_min"),
        {"schema": "treasury", "comment": "Cash and equity per organisation and currency."},
    )

    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.org_id"), primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    cash: Mapped[Decimal]
    equity: Mapped[Decimal]
    buffer_min: Mapped[Decimal] = default("0", comment="Cash that must stay.")
    as_of: Mapped[datetime] = now()
