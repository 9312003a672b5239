"""The treasury's books."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from backend.db.tables.base import (
    Base,
    default,
    fraction,
    not_negative,
    note,
    now,
    one_of,
    positive,
)


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


class Instruction(Base):
    __tablename__ = "instructions"
    __table_args__ = (
        one_of("kind", "buyback", "mint"),
        one_of("state", "pending", "done", "withdrawn"),
        *positive("amount"),
        CheckConstraint("(state = 'pending') = (settled_at is null)", name="settled_at"),
        CheckConstraint("(state = 'pending') = (reference is null)", name="reference"),
        Index(
            "instructions_pending_idx",
            "org_id",
            "currency",
            postgresql_where="state = 'pending'",
        ),
        {
            "schema": "treasury",
            "comment": "What voters told the treasury to do, and whether it is.",
        },
    )

    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("proposals.proposal_id"), primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.org_id"))
    kind: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[Decimal]
    state: Mapped[str] = default("'pending'")
    instructed_at: Mapped[datetime] = now()
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None] = note("Whose session said so.")
    reference: Mapped[str | None] = note("What shows it outside: a transfer, a transaction.")


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
