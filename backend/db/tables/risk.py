"""Authority over money: intents, the limits that judged them, the budgets that they hold."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from backend.db.tables.base import (
    LATENCY_CLASSES,
    MODES,
    ORDER_TYPES,
    SCOPES,
    SIDES,
    Base,
    default,
    json,
    not_negative,
    note,
    now,
    one_of,
    positive,
    row_xid,
    row_xids,
)


class Intent(Base):
    __tablename__ = "intents"
    __table_args__ = (
        one_of("side", *SIDES),
        one_of("order_type", *ORDER_TYPES),
        one_of("mode", *MODES),
        one_of("latency_class", *LATENCY_CLASSES),
        one_of("kind", "allocate", "cover", "venue"),
        one_of(
            "state",
            "authorized",
            "denied",
            "awaiting_vote",
            "approved",
            "ordered",
            "expired",
            "refused",
        ),
        one_of("risk_level", "LOW", "MEDIUM", "HIGH", "CRITICAL"),
        *positive("requested_quantity", "reference_price", "stop_loss", "take_profit"),
        *not_negative("notional", "highest_utilization"),
        # Authority may trim what was asked for, never add to it.
        CheckConstraint(
            "authorized_quantity between 0 and requested_quantity", name="authorized_quantity"
        ),
        CheckConstraint("state <> 'denied' or denial_code is not null", name="denial_code"),
        Index(None, "correlation_id"),
        Index(None, "org_id", "created_at"),
        Index(
            "intents_open_idx",
            "expires_at",
            postgresql_where="state in ('authorized', 'awaiting_vote', 'approved')",
        ),
        {"comment": "What asked for authority, and what it got."},
    )

    intent_id: Mapped[UUID] = mapped_column(primary_key=True)
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    account_id: Mapped[str]
    strategy_id: Mapped[str]
    venue_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    order_type: Mapped[str]
    mode: Mapped[str]
    kind: Mapped[str] = default("'allocate'")
    requested_quantity: Mapped[Decimal] = note("Lots.")
    authorized_quantity: Mapped[Decimal | None] = note("Lots; null until authorised.")
    notional: Mapped[Decimal] = note("Of the quantity that holds, in account currency.")
    reference_price: Mapped[Decimal]
    stop_loss: Mapped[Decimal | None]
    take_profit: Mapped[Decimal | None]
    reduce_only: Mapped[bool] = default("false")
    state: Mapped[str]
    denial_code: Mapped[str | None]
    risk_level: Mapped[str | None]
    highest_utilization: Mapped[Decimal | None] = note("The fullest limit afterwards, 1 = full.")
    policy_hash: Mapped[str | None]
    exposure_deltas: Mapped[list[Any]] = json("[]")
    reason_codes: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    latency_class: Mapped[str] = default("'immediate'")
    created_at: Mapped[datetime] = now()
    expires_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]


class RiskCheck(Base):
    __tablename__ = "risk_checks"
    __table_args__ = (
        one_of("scope", *SCOPES),
        one_of("outcome", "passed", "trimmed", "denied"),
        CheckConstraint("outcome = 'passed' or code is not null", name="code"),
        row_xids("risk_checks"),
        {"comment": "Every limit that was checked, with limit and observed value; append-only."},
    )

    intent_id: Mapped[UUID] = mapped_column(primary_key=True)
    limit_kind: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    scope_id: Mapped[str] = mapped_column(primary_key=True)
    limit_value: Mapped[Decimal | None] = note("Null where the limit is missing, which denies.")
    observed: Mapped[Decimal | None]
    projected: Mapped[Decimal | None]
    unit: Mapped[str | None]
    outcome: Mapped[str]
    code: Mapped[str | None]
    checked_at: Mapped[datetime] = now()
    row_xid: Mapped[int] = row_xid()


class Policy(Base):
    __tablename__ = "policies"
    __table_args__ = (
        CheckConstraint("policy_hash ~ '^[0-9a-f]{64}$'", name="policy_hash"),
        Index("policies_active_key", "active", unique=True, postgresql_where="active"),
        {"schema": "risk", "comment": "Policy packs as applied; one is active."},
    )

    policy_hash: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    body: Mapped[dict[str, Any]] = json()
    applied_at: Mapped[datetime] = now()
    applied_by: Mapped[str] = default("session_user")
    active: Mapped[bool] = default("false")


class Limit(Base):
    __tablename__ = "limits"
    __table_args__ = (
        one_of("scope", *SCOPES),
        {"schema": "risk", "comment": "The limits of each pack, one row each; the tightest wins."},
    )

    policy_hash: Mapped[str] = mapped_column(
        ForeignKey("risk.policies.policy_hash"), primary_key=True
    )
    scope: Mapped[str] = mapped_column(primary_key=True)
    scope_id: Mapped[str] = mapped_column(primary_key=True, comment="`*` stands for every one.")
    kind: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Decimal]
    unit: Mapped[str]


class Volatility(Base):
    __tablename__ = "volatilities"
    __table_args__ = (
        *not_negative("sigma"),
        {"schema": "risk", "comment": "How much each symbol moves in a day, kept as bars come in."},
    )

    symbol: Mapped[str] = mapped_column(primary_key=True)
    sigma: Mapped[Decimal] = note("Standard deviation of one day's log return.")
    good_until: Mapped[datetime] = note("After that the bars are too old to speak.")
    sigma_usual: Mapped[Decimal | None] = note("Its median over the history that scenarios use.")
    spread_usual_bps: Mapped[Decimal | None] = note("Median spread of recent bars.")


class Reservation(Base):
    __tablename__ = "reservations"
    __table_args__ = (
        one_of("side", *SIDES),
        *positive("quantity"),
        *not_negative("notional"),
        CheckConstraint("remaining_quantity between 0 and quantity", name="remaining_quantity"),
        CheckConstraint("remaining_notional between 0 and notional", name="remaining_notional"),
        Index(
            "reservations_open_idx", "account_id", "symbol", postgresql_where="released_at is null"
        ),
        {"schema": "risk", "comment": "Budget that an authorised intent holds until it is used."},
    )

    intent_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    quantity: Mapped[Decimal]
    remaining_quantity: Mapped[Decimal]
    notional: Mapped[Decimal]
    remaining_notional: Mapped[Decimal]
    created_at: Mapped[datetime] = now()
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None]


class BudgetSlice(Base):
    __tablename__ = "budget_slices"
    __table_args__ = (
        {
            "schema": "risk",
            "comment": "What each account may use of shared budgets without asking the others.",
            "postgresql_with": {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.01"},
        },
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    policy_hash: Mapped[str]
    slices: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(),
        comment="By `scope.kind`: `own`, and what all `others` may use;"
        " null if none are handed out.",
    )
    good_until: Mapped[datetime]


class OrderRate(Base):
    __tablename__ = "order_rates"
    __table_args__ = (
        *positive("authorized"),
        {
            "schema": "risk",
            "comment": "How many intents were authorised in each of the last seconds.",
            "postgresql_with": {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.01"},
        },
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    second: Mapped[datetime] = mapped_column(primary_key=True)
    authorized: Mapped[int]


class AccountState(Base):
    __tablename__ = "account_state"
    __table_args__ = (
        CheckConstraint("peak_equity >= equity", name="peak_equity"),
        {
            "schema": "risk",
            "comment": "Equity and the day's result per account: the row that authorising locks.",
            "postgresql_with": {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.01"},
        },
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    equity: Mapped[Decimal]
    peak_equity: Mapped[Decimal]
    day: Mapped[date]
    day_start_equity: Mapped[Decimal]
    realized_today: Mapped[Decimal] = default("0")
    as_of: Mapped[datetime] = now()
