"""Master data: for whom, where, with what the desk trades."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import (
    MODES,
    Base,
    big,
    default,
    json,
    note,
    now,
    one_of,
    positive,
)


class Organization(Base):
    __tablename__ = "organizations"
    __table_args__ = ({"comment": "Who owns accounts; what people may read is cut along it."},)

    org_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    base_currency: Mapped[str]
    created_at: Mapped[datetime] = now()


class Venue(Base):
    __tablename__ = "venues"
    __table_args__ = (
        one_of("kind", "mt5", "shadow"),
        one_of("state", "active", "closed"),
        *positive("max_latency_ms"),
        CheckConstraint("(kind = 'shadow') = (mirrors is not null)", name="mirrors"),
        {"comment": "Where orders go."},
    )

    venue_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    state: Mapped[str] = default("'active'")
    max_latency_ms: Mapped[int] = default("1000")
    mirrors: Mapped[str | None] = mapped_column(
        ForeignKey("venues.venue_id"),
        comment="Of a shadow: the venue whose market it shows. Nothing is ever sent there.",
    )


class Account(Base):
    __tablename__ = "accounts"
    __table_args__ = (
        one_of("mode", *MODES),
        one_of("state", "active", "halted", "closed"),
        {"comment": "A venue's account: one mode, one currency, one bridge at a time."},
    )

    account_id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.org_id"), index=True)
    venue_id: Mapped[str] = mapped_column(ForeignKey("venues.venue_id"))
    mode: Mapped[str]
    currency: Mapped[str]
    login: Mapped[int | None] = big(comment="The venue's number for the account.")
    connection: Mapped[dict[str, Any]] = json(
        "{}", comment="How the bridge reaches the terminal; names of secrets, never secrets."
    )
    state: Mapped[str] = default("'active'")
    starting_balance: Mapped[Decimal]


class Strategy(Base):
    __tablename__ = "strategies"
    __table_args__ = (
        one_of("mode", *MODES),
        one_of("state", "active", "paused", "closed"),
        CheckConstraint("shadow_of is null or mode = 'shadow'", name="shadow_of"),
        Index("strategies_shadow_of_idx", "shadow_of", postgresql_where="shadow_of is not null"),
        {"comment": "Whose signals trade in which account, and in which mode."},
    )

    strategy_id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.org_id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"))
    name: Mapped[str]
    mode: Mapped[str]
    state: Mapped[str] = default("'active'")
    routing_policy: Mapped[dict[str, Any]] = json("{}")
    shadow_of: Mapped[str | None] = mapped_column(
        ForeignKey("strategies.strategy_id"),
        comment="Of a twin: the strategy beside which it runs, on the same alerts.",
    )


class Instrument(Base):
    __tablename__ = "instruments"
    __table_args__ = (
        one_of("state", "new", "tradable", "watchlist_only", "deprecated"),
        one_of("calendar", "weekdays", "always"),
        *positive("tick_size", "contract_size", "volume_min", "volume_step"),
        CheckConstraint("volume_max >= volume_min", name="volume_max"),
        CheckConstraint("digits between 0 and 10", name="digits"),
        CheckConstraint("pip_size > 0", name="pip_size"),
        {"comment": "What can be traded; only state tradable is."},
    )

    symbol: Mapped[str] = mapped_column(primary_key=True)
    symbol_class: Mapped[str]
    base_currency: Mapped[str]
    quote_currency: Mapped[str]
    digits: Mapped[int]
    tick_size: Mapped[Decimal]
    pip_size: Mapped[Decimal | None] = note("What people call a pip; null where nobody does.")
    contract_size: Mapped[Decimal] = note("Units of the base in one lot.")
    volume_min: Mapped[Decimal]
    volume_max: Mapped[Decimal]
    volume_step: Mapped[Decimal]
    calendar: Mapped[str] = default("'weekdays'", comment="Which trading hours apply.")
    state: Mapped[str] = default("'new'")
    state_override: Mapped[bool] = default(
        "false", comment="A person put it where its life does not lead by itself."
    )
    state_reason: Mapped[str | None] = note("Why it is in this state.")
    state_by: Mapped[str | None] = note("Whose login put it there.")
    state_at: Mapped[datetime | None]


class InstrumentAlias(Base):
    __tablename__ = "instrument_aliases"
    __table_args__ = (
        CheckConstraint("alias = upper(alias)", name="alias"),
        Index(None, "symbol"),
        {"comment": "Other spellings of a symbol, in upper case; `EXCH:SYM` holds there only."},
    )

    alias: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(ForeignKey("instruments.symbol"))
    venue_id: Mapped[str | None] = mapped_column(ForeignKey("venues.venue_id"))
    reason: Mapped[str | None] = note("Why the spelling means this symbol.")
    recorded_by: Mapped[str] = default("session_user", comment="Whose login said so.")
    recorded_at: Mapped[datetime] = now()
