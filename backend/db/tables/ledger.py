"""The books: every movement of money as balanced entries, and what the venue says of it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import Base, json, note, now, one_of, positive, row_xid

BOOKS = (
    "cash",
    "capital",
    "realized",
    "commission",
    "fee",
    "swap",
    "funding",
    "valuation",
    "conversion",
    "unconverted",
    "unrealized",
    "revaluation",
    "adjustment",
)
POSTINGS = (
    "fill",
    "deposit",
    "withdrawal",
    "swap",
    "funding",
    "fee",
    "conversion",
    "revaluation",
    "adjustment",
)


class Entry(Base):
    __tablename__ = "entries"
    __table_args__ = (
        one_of("book", *BOOKS),
        one_of("kind", *POSTINGS),
        CheckConstraint("amount <> 0", name="amount"),
        *positive("rate"),
        # In the order of writing: a day of it is read by its blocks, an insert pays nothing.
        Index(
            None,
            "posted_at",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": "16", "autosummarize": "true"},
        ),
        Index(
            "entries_row_xid_idx",
            "row_xid",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": "16", "autosummarize": "true"},
        ),
        {
            "schema": "ledger",
            "comment": "Double entries, debit positive: per transaction and currency they sum to"
            " zero; append-only.",
        },
    )

    transaction_id: Mapped[UUID] = mapped_column(
        primary_key=True, comment="Of a fill: the fill's own id."
    )
    line: Mapped[int] = mapped_column(SmallInteger(), primary_key=True)
    org_id: Mapped[str]
    account_id: Mapped[str]
    strategy_id: Mapped[str | None]
    symbol: Mapped[str | None]
    kind: Mapped[str]
    book: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[Decimal] = note("Debit positive, credit negative.")
    rate: Mapped[Decimal | None] = note("At which it was converted into the account's currency.")
    occurred_at: Mapped[datetime] = note("The venue's clock.")
    posted_at: Mapped[datetime] = now()
    note: Mapped[str | None]
    row_xid: Mapped[int] = row_xid()


class VenueBalance(Base):
    __tablename__ = "venue_balances"
    __table_args__ = (
        {
            "schema": "ledger",
            "comment": "What the venue last said that an account holds.",
            "postgresql_with": {"fillfactor": "50"},
        },
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    org_id: Mapped[str]
    balance: Mapped[Decimal]
    equity: Mapped[Decimal]
    as_of: Mapped[datetime]


class Statement(Base):
    __tablename__ = "statements"
    __table_args__ = (
        one_of("state", "agreed", "differs", "unknown"),
        Index(None, "org_id", "day"),
        {
            "schema": "ledger",
            "comment": "An account's day: what moved its cash, and whether the venue agrees.",
        },
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    currency: Mapped[str]
    opening: Mapped[Decimal] = note("Cash when the day began, as the ledger has it.")
    movements: Mapped[dict[str, Any]] = json("{}", comment="What moved it, by book.")
    closing: Mapped[Decimal]
    unrealized: Mapped[Decimal | None] = note("Of open positions at the day's last quotes.")
    equity: Mapped[Decimal | None]
    venue_balance: Mapped[Decimal | None]
    venue_as_of: Mapped[datetime | None]
    difference: Mapped[Decimal | None] = note("Venue less ledger, to the cent.")
    positions: Mapped[list[Any]] = json("[]", comment="Those that are not what their fills make.")
    currencies: Mapped[dict[str, Any]] = json("{}", comment="Amounts not converted yet.")
    base_currency: Mapped[str | None]
    base_rate: Mapped[Decimal | None] = note("Base currency of the organisation per unit.")
    state: Mapped[str]
    posted_until: Mapped[datetime] = note("Entries posted before this are in the closing.")
    generated_at: Mapped[datetime] = now()
