"""Orders and what the venue made of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.algorithms import ALGORITHMS
from backend.db.tables.base import (
    LATENCY_CLASSES,
    MODES,
    SIDES,
    Base,
    big,
    default,
    fraction,
    json,
    not_negative,
    note,
    now,
    one_of,
    positive,
    row_xid,
    row_xids,
)

ORDER_STATUSES = (
    "initialized",
    "submitted",
    "accepted",
    "partially_filled",
    "filled",
    "rejected",
    "denied",
    "canceled",
    "expired",
    "not_sent",
    "unknown",
    "triggered",
    "pending_update",
    "pending_cancel",
)
KINDS = ("market", "limit", "stop", "stop_limit", "trailing")
TIMES_IN_FORCE = ("IOC", "FOK", "GTC", "DAY", "GTD")
WORKING = (
    "status in ('initialized', 'submitted', 'accepted', 'triggered', 'partially_filled', "
    "'unknown', 'pending_update', 'pending_cancel')"
)


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (
        one_of("side", *SIDES),
        one_of("order_type", *KINDS),
        one_of("mode", *MODES),
        one_of("latency_class", *LATENCY_CLASSES),
        one_of("status", *ORDER_STATUSES),
        one_of("time_in_force", *TIMES_IN_FORCE),
        one_of("algorithm", *ALGORITHMS),
        *positive("quantity", "average_price", "limit_price", "stop_loss", "take_profit"),
        *positive("reference_price", "stop_price", "trail_distance"),
        *not_negative("child_index", "deviation_points", "overfilled_quantity"),
        CheckConstraint("filled_quantity between 0 and quantity", name="filled_quantity"),
        CheckConstraint(
            "(filled_quantity > 0) = (average_price is not null)", name="average_price_known"
        ),
        Index("orders_intent_id_child_index_key", "intent_id", "child_index", unique=True),
        Index(None, "correlation_id"),
        Index(None, "org_id", "created_at"),
        Index("orders_working_idx", "account_id", "symbol", postgresql_where=WORKING),
        {
            "comment": "Child orders; only execution.open_orders makes them.",
            "postgresql_with": {"fillfactor": "80"},
        },
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    intent_id: Mapped[UUID] = mapped_column(ForeignKey("intents.intent_id"))
    child_index: Mapped[int]
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    account_id: Mapped[str]
    strategy_id: Mapped[str]
    venue_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    order_type: Mapped[str]
    quantity: Mapped[Decimal] = note("Lots.")
    filled_quantity: Mapped[Decimal] = default("0")
    overfilled_quantity: Mapped[Decimal] = default("0", comment="Traded beyond the quantity.")
    average_price: Mapped[Decimal | None]
    limit_price: Mapped[Decimal | None]
    stop_price: Mapped[Decimal | None] = note("What triggers a stop; a trailing one moves it.")
    trail_distance: Mapped[Decimal | None] = note("How far a trailing stop stays behind.")
    stop_loss: Mapped[Decimal | None]
    take_profit: Mapped[Decimal | None]
    reference_price: Mapped[Decimal]
    time_in_force: Mapped[str]
    good_till: Mapped[datetime | None] = note("GTD: until when it may work at the venue.")
    algorithm: Mapped[str]
    latency_class: Mapped[str]
    mode: Mapped[str]
    reduce_only: Mapped[bool] = default("false")
    deviation_points: Mapped[int] = default("0", comment="Slippage allowed, in points.")
    status: Mapped[str] = default("'initialized'")
    status_reason: Mapped[str | None]
    venue_order_id: Mapped[str | None]
    policy_hash: Mapped[str]
    created_at: Mapped[datetime] = now()
    updated_at: Mapped[datetime] = now()
    expires_at: Mapped[datetime | None] = note("Until when it may be sent.")
    change_id: Mapped[UUID | None] = note("The change that is asked of the venue now.")


class OrderChange(Base):
    __tablename__ = "order_changes"
    __table_args__ = (
        one_of("kind", "modify", "cancel", "stops"),
        one_of("state", "pending", "applied", "refused", "superseded"),
        CheckConstraint("(state = 'pending') = (ended_at is null)", name="ended_at"),
        Index(None, "order_id"),
        Index(
            "order_changes_pending_key",
            "order_id",
            unique=True,
            postgresql_where="state = 'pending'",
        ),
        {
            "schema": "execution",
            "comment": "What was asked of working orders, and how it ended; one at a time.",
        },
    )

    change_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.order_id"))
    org_id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str] = default("'pending'")
    from_status: Mapped[str] = note("What the order returns to if the venue refuses.")
    wanted: Mapped[dict[str, Any]] = json("{}", comment="The terms to be; null takes one away.")
    standing: Mapped[dict[str, Any]] = json("{}", comment="Those terms as they were.")
    intent_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("intents.intent_id"), unique=True, comment="The authority for more exposure."
    )
    added_quantity: Mapped[Decimal] = default("0", comment="Lots reserved for it in advance.")
    added_notional: Mapped[Decimal] = default("0")
    reason: Mapped[str]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = now()
    attempted_at: Mapped[datetime | None] = note("Stops: since when they may be at the venue.")
    venue_position_id: Mapped[str | None] = note("Stops: the position that has them.")
    ended_at: Mapped[datetime | None]
    code: Mapped[str | None]
    message: Mapped[str | None]


class OrderEvent(Base):
    __tablename__ = "order_events"
    __table_args__ = (
        Index(None, "order_id", "occurred_at"),
        row_xids("order_events"),
        {
            "comment": "Each step of each order's life; append-only, one partition a day.",
            "postgresql_partition_by": "RANGE (occurred_at)",
        },
    )

    occurred_at: Mapped[datetime] = now(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    code: Mapped[str | None]
    message: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = json("{}")
    recorded_by: Mapped[str] = default("session_user")
    row_xid: Mapped[int] = row_xid()


class OrderTransition(Base):
    __tablename__ = "order_transitions"
    __table_args__ = (
        one_of("from_status", *ORDER_STATUSES),
        one_of("to_status", *ORDER_STATUSES),
        {"schema": "execution", "comment": "The order state machine; what is not here is refused."},
    )

    from_status: Mapped[str] = mapped_column(primary_key=True)
    to_status: Mapped[str] = mapped_column(primary_key=True)
    why: Mapped[str]


class AccountLease(Base):
    __tablename__ = "account_leases"
    __table_args__ = (
        {
            "schema": "execution",
            "comment": "Which bridge owns which account; the epoch fences off its predecessors.",
        },
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    worker_id: Mapped[UUID | None]
    epoch: Mapped[int] = big(server_default="0")
    expires_at: Mapped[datetime | None]


class Attempt(Base):
    __tablename__ = "attempts"
    __table_args__ = (
        one_of("state", "open", "answered", "unknown", "not_sent"),
        Index(None, "order_id"),
        Index(
            "attempts_unresolved_key",
            "order_id",
            unique=True,
            postgresql_where="state in ('open', 'unknown')",
        ),
        Index(
            "attempts_account_unresolved_idx",
            "account_id",
            postgresql_where="state in ('open', 'unknown')",
        ),
        Index(None, "opened_at"),
        {
            "schema": "execution",
            "comment": "Calls to a venue, committed before they are made; one at a time per order.",
        },
    )

    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.order_id"))
    client_order_id: Mapped[str] = mapped_column(unique=True)
    magic: Mapped[int] = big(unique=True, comment="By which the venue's answer is found again.")
    account_id: Mapped[str]
    worker_id: Mapped[UUID]
    account_epoch: Mapped[int] = big()
    state: Mapped[str] = default("'open'")
    opened_at: Mapped[datetime] = now()
    answered_at: Mapped[datetime | None]
    retcode: Mapped[int | None]
    report: Mapped[dict[str, Any] | None] = json()
    latency_ms: Mapped[int | None]
    inquiry_id: Mapped[UUID | None] = mapped_column(
        unique=True, comment="The last time that the venue was to be asked about it."
    )
    inquired_at: Mapped[datetime | None]


class VenueHealth(Base):
    __tablename__ = "venue_health"
    __table_args__ = (
        *fraction("fill_confidence", "rejection_rate"),
        *not_negative("throttle_per_minute", "debt_to_risk", "spread_bps", "latency_p95_ms"),
        {
            "schema": "execution",
            "comment": "How well a venue executes a symbol now.",
            "postgresql_with": {"fillfactor": "50"},
        },
    )

    venue_id: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    fill_confidence: Mapped[Decimal]
    throttle_per_minute: Mapped[int]
    debt_to_risk: Mapped[Decimal] = note("Open reservations, in account currency.")
    spread_bps: Mapped[Decimal]
    rejection_rate: Mapped[Decimal]
    latency_p95_ms: Mapped[int]
    as_of: Mapped[datetime] = now()


class Fill(Base):
    __tablename__ = "fills"
    __table_args__ = (
        one_of("side", *SIDES),
        *positive("quantity", "price", "reference_price"),
        *not_negative("commission"),
        one_of("liquidity_flag", "MAKER", "TAKER"),
        # The venue's own number: no answer, however often it is repeated, fills twice.
        Index("fills_account_id_venue_trade_id_key", "account_id", "venue_trade_id", unique=True),
        Index(None, "order_id"),
        Index(None, "correlation_id"),
        Index(None, "org_id", "filled_at"),
        row_xids("fills"),
        {"comment": "Trades as the venue reported them; append-only."},
    )

    fill_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    attempt_id: Mapped[UUID | None]
    intent_id: Mapped[UUID]
    correlation_id: Mapped[UUID]
    org_id: Mapped[str]
    account_id: Mapped[str]
    strategy_id: Mapped[str]
    venue_id: Mapped[str]
    venue_trade_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    quantity: Mapped[Decimal] = note("Lots.")
    price: Mapped[Decimal]
    reference_price: Mapped[Decimal | None]
    commission: Mapped[Decimal] = default("0", comment="Paid, in account currency.")
    fee: Mapped[Decimal] = default("0", comment="Paid, in account currency; negative: received.")
    swap: Mapped[Decimal] = default("0", comment="Received, in account currency.")
    venue_pnl: Mapped[Decimal | None] = note("What the venue says it realised.")
    position_nr: Mapped[int | None] = big(comment="Its place among the fills of its position.")
    slippage_bps: Mapped[Decimal | None] = note("Against the reference price; positive is worse.")
    realized_pnl: Mapped[Decimal] = default("0", comment="In account currency.")
    value_per_point: Mapped[Decimal | None] = note(
        "Account currency that one lot gains when the price rises by 1."
    )
    attribution: Mapped[dict[str, Any]] = json("{}")
    liquidity_flag: Mapped[str | None]
    latency_ms: Mapped[int | None]
    filled_at: Mapped[datetime] = note("The venue's clock.")
    recorded_at: Mapped[datetime] = now()
    row_xid: Mapped[int] = row_xid()


class Position(Base):
    __tablename__ = "positions"
    __table_args__ = (
        CheckConstraint("(quantity = 0) = (average_price is null)", name="average_price"),
        Index(None, "org_id"),
        {
            "comment": "Net position per account and symbol, as our fills make it.",
            "postgresql_with": {"fillfactor": "50"},
        },
    )

    account_id: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    quantity: Mapped[Decimal] = note("Lots, negative when short.")
    average_price: Mapped[Decimal | None]
    realized_pnl: Mapped[Decimal] = default("0")
    commission: Mapped[Decimal] = default("0")
    fills: Mapped[int] = big(server_default="0", comment="How many made it what it is.")
    updated_at: Mapped[datetime] = now()
