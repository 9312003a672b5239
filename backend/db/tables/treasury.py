"""The treasury's books."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from backend.db.tables.base import Base, default, fraction, not_negative, note, now


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


class State(Base):
    __tablename__ = "states"
    __table_args__ = (
        *not_negative("buffer_min"),
        *fraction("utilization", "throttle"),
        {
            "schema": "treasury",
            "comment": "The treasury as last published, one row per organisation.",
            "postgresql_with": {"fillfactor": "50"},
        },
    )

    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.org_id"), primary_key=True)
    currency: Mapped[str]
    nav: Mapped[Decimal]
    cash_buffer: Mapped[Decimal]
    buffer_min: Mapped[Decimal]
    utilization: Mapped[Decimal]
    throttle: Mapped[Decimal] = note("Share of normal size, 1 = full.")
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    policy_hash: Mapped[str | None]
    as_of: Mapped[datetime] = note("The oldest balance that it stands on.")
    recorded_at: Mapped[datetime] = now()
