"""What became of comparing an account's books with its venue, and what the venue did unasked."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import SIDES, Base, big, default, json, not_negative, note, now, one_of

ORIGINS = (
    "person",
    "expert",
    "stop_loss",
    "take_profit",
    "stop_out",
    "venue",
    "synthetic",
)


class Reconciliation(Base):
    __tablename__ = "reconciliations"
    __table_args__ = (
        one_of("cause", "start", "periodic", "again", "requested"),
        one_of(
            "state",
            "asked",
            "agreed",
            "repaired",
            "unsettled",
            "unexplained",
            "unavailable",
            "lapsed",
        ),
        CheckConstraint("(state = 'asked') = (finished_at is null)", name="finished_at"),
        Index(
            "reconciliations_asked_key",
            "account_id",
            unique=True,
            postgresql_where="state = 'asked'",
        ),
        Index(None, "account_id", "asked_at"),
        Index(None, "org_id", "asked_at"),
        {
            "schema": "execution",
            "comment": "Each comparison of an account's books with its venue, and what it found.",
        },
    )

    reconciliation_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"))
    org_id: Mapped[str]
    cause: Mapped[str]
    state: Mapped[str] = default("'asked'")
    worker_id: Mapped[UUID | None] = note("The bridge that did it.")
    account_epoch: Mapped[int | None] = big()
    asked_at: Mapped[datetime] = now()
    asked_by: Mapped[str] = default("session_user")
    surveyed_at: Mapped[datetime | None] = note("When the venue was read.")
    finished_at: Mapped[datetime | None]
    summary: Mapped[str | None]
    findings: Mapped[list[Any]] = json(
        "[]", comment="Kind, subject, ours, theirs, what was done, what a person may do."
    )
    counts: Mapped[dict[str, Any]] = json("{}")
    venue_balance: Mapped[Decimal | None]
    our_balance: Mapped[Decimal | None] = note("What the books say the venue should hold.")
    halt_id: Mapped[UUID | None]


class VenueOrder(Base):
    __tablename__ = "venue_orders"
    __table_args__ = (
        one_of("origin", *ORIGINS),
        one_of("side", *SIDES),
        one_of("state", "working", "filled", "canceled", "expired", "rejected", "gone"),
        *not_negative("quantity", "filled_quantity"),
        Index(None, "org_id", "first_seen_at"),
        Index(None, "order_id"),
        {
            "schema": "execution",
            "comment": "Orders in the desk's accounts that the desk did not open: people's, other "
            "programs', stops and targets, and synthetic entries that close a gap.",
        },
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    venue_order_id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    origin: Mapped[str]
    state: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    order_type: Mapped[str]
    quantity: Mapped[Decimal] = note("Lots.")
    filled_quantity: Mapped[Decimal] = default("0")
    price: Mapped[Decimal | None]
    magic: Mapped[str | None]
    comment: Mapped[str | None]
    order_id: Mapped[UUID | None] = note("The order that its trades are booked under.")
    closes_order_id: Mapped[UUID | None] = note("The desk's order whose position it closed.")
    reconciliation_id: Mapped[UUID | None] = note("Which found it first; none in the shadow.")
    first_seen_at: Mapped[datetime] = now()
    last_seen_at: Mapped[datetime] = now()


class VenueCash(Base):
    __tablename__ = "venue_cash"
    __table_args__ = (
        Index(None, "org_id", "executed_at"),
        {
            "schema": "execution",
            "comment": "Money that moved at a venue without a trade: deposits, credits, charges.",
        },
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    venue_trade_id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    kind: Mapped[str]
    amount: Mapped[Decimal] = note("In account currency; negative was taken.")
    comment: Mapped[str | None]
    executed_at: Mapped[datetime]
    reconciliation_id: Mapped[UUID]


class Reopening(Base):
    __tablename__ = "reopenings"
    __table_args__ = (
        Index(None, "attempt_id"),
        {
            "schema": "execution",
            "comment": "Inquiries about attempts that were closed: the venue knows more of them.",
        },
    )

    inquiry_id: Mapped[UUID] = mapped_column(primary_key=True)
    attempt_id: Mapped[UUID] = mapped_column(ForeignKey("execution.attempts.attempt_id"))
    asked_at: Mapped[datetime] = now()
