# ruff: noqa: E501
"""Orders and what the venue made of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "order_transitions",
        sa.Column("from_status", sa.Text(), nullable=False),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "from_status in ('initialized', 'submitted', 'accepted', 'partially_filled', 'filled', 'rejected', 'denied', 'canceled', 'expired', 'not_sent', 'unknown', 'pending_cancel')",
            name=op.f("order_transitions_from_status_check"),
        ),
        sa.CheckConstraint(
            "to_status in ('initialized', 'submitted', 'accepted', 'partially_filled', 'filled', 'rejected', 'denied', 'canceled', 'expired', 'not_sent', 'unknown', 'pending_cancel')",
            name=op.f("order_transitions_to_status_check"),
        ),
        sa.PrimaryKeyConstraint("from_status", "to_status", name=op.f("order_transitions_pkey")),
        schema="execution",
        comment="The order state machine; what is not here is refused.",
    )
    op.create_table(
        "venue_health",
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("fill_confidence", sa.Numeric(), nullable=False),
        sa.Column("throttle_per_minute", sa.Integer(), nullable=False),
        sa.Column(
            "debt_to_risk",
            sa.Numeric(),
            nullable=False,
            comment="Open reservations, in account currency.",
        ),
        sa.Column("spread_bps", sa.Numeric(), nullable=False),
        sa.Column("rejection_rate", sa.Numeric(), nullable=False),
        sa.Column("latency_p95_ms", sa.Integer(), nullable=False),
        sa.Column(
            "as_of",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("debt_to_risk >= 0", name=op.f("venue_health_debt_to_risk_check")),
        sa.CheckConstraint(
            "fill_confidence between 0 and 1", name=op.f("venue_health_fill_confidence_check")
        ),
        sa.CheckConstraint("latency_p95_ms >= 0", name=op.f("venue_health_latency_p95_ms_check")),
        sa.CheckConstraint(
            "rejection_rate between 0 and 1", name=op.f("venue_health_rejection_rate_check")
        ),
        sa.CheckConstraint("spread_bps >= 0", name=op.f("venue_health_spread_bps_check")),
        sa.CheckConstraint(
            "throttle_per_minute >= 0", name=op.f("venue_health_throttle_per_minute_check")
        ),
        sa.PrimaryKeyConstraint("venue_id", "symbol", name=op.f("venue_health_pkey")),
        schema="execution",
        comment="How well a venue executes a symbol now.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "fills",
        sa.Column("fill_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("intent_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("venue_trade_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False, comment="Lots."),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("reference_price", sa.Numeric(), nullable=True),
        sa.Column(
            "commission",
            sa.Numeric(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Paid, in account currency.",
        ),
        sa.Column(
            "slippage_bps",
            sa.Numeric(),
            nullable=True,
            comment="Against the reference price; positive is worse.",
        ),
        sa.Column(
            "realized_pnl",
            sa.Numeric(),
            server_default=sa.text("0"),
            nullable=False,
            comment="In account currency.",
        ),
        sa.Column(
            "value_per_point",
            sa.Numeric(),
            nullable=True,
            comment="Account currency that one lot gains when the price rises by 1.",
        ),
        sa.Column(
            "attribution",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("liquidity_flag", sa.Text(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column(
            "filled_at", sa.DateTime(timezone=True), nullable=False, comment="The venue's clock."
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "liquidity_flag in ('MAKER', 'TAKER')", name=op.f("fills_liquidity_flag_check")
        ),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("fills_side_check")),
        sa.CheckConstraint("commission >= 0", name=op.f("fills_commission_check")),
        sa.CheckConstraint("price > 0", name=op.f("fills_price_check")),
        sa.CheckConstraint("quantity > 0", name=op.f("fills_quantity_check")),
        sa.CheckConstraint("reference_price > 0", name=op.f("fills_reference_price_check")),
        sa.PrimaryKeyConstraint("fill_id", name=op.f("fills_pkey")),
        comment="Trades as the venue reported them; append-only.",
    )
    op.create_index(
        "fills_account_id_venue_trade_id_key",
        "fills",
        ["account_id", "venue_trade_id"],
        unique=True,
    )
    op.create_index(op.f("fills_correlation_id_idx"), "fills", ["correlation_id"], unique=False)
    op.create_index(op.f("fills_order_id_idx"), "fills", ["order_id"], unique=False)
    op.create_index(
        op.f("fills_org_id_filled_at_idx"), "fills", ["org_id", "filled_at"], unique=False
    )
    op.create_table(
        "order_events",
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("recorded_by", sa.Text(), server_default=sa.text("session_user"), nullable=False),
        sa.PrimaryKeyConstraint("occurred_at", "event_id", name=op.f("order_events_pkey")),
        comment="Each step of each order's life; append-only, one partition a day.",
        postgresql_partition_by="RANGE (occurred_at)",
    )
    op.create_index(
        op.f("order_events_order_id_occurred_at_idx"),
        "order_events",
        ["order_id", "occurred_at"],
        unique=False,
    )
    op.create_table(
        "positions",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False, comment="Lots, negative when short."),
        sa.Column("average_price", sa.Numeric(), nullable=True),
        sa.Column("realized_pnl", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("commission", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(quantity = 0) = (average_price is null)", name=op.f("positions_average_price_check")
        ),
        sa.PrimaryKeyConstraint("account_id", "symbol", name=op.f("positions_pkey")),
        comment="Net position per account and symbol, as our fills make it.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index(op.f("positions_org_id_idx"), "positions", ["org_id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("intent_id", sa.Uuid(), nullable=False),
        sa.Column("child_index", sa.Integer(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False, comment="Lots."),
        sa.Column("filled_quantity", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("average_price", sa.Numeric(), nullable=True),
        sa.Column("limit_price", sa.Numeric(), nullable=True),
        sa.Column("stop_loss", sa.Numeric(), nullable=True),
        sa.Column("take_profit", sa.Numeric(), nullable=True),
        sa.Column("reference_price", sa.Numeric(), nullable=False),
        sa.Column("time_in_force", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("latency_class", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("reduce_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "deviation_points",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Slippage allowed, in points.",
        ),
        sa.Column("status", sa.Text(), server_default=sa.text("'initialized'"), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("venue_order_id", sa.Text(), nullable=True),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "algorithm in ('immediate', 'twap', 'vwap', 'pov', 'iceberg', 'passive')",
            name=op.f("orders_algorithm_check"),
        ),
        sa.CheckConstraint(
            "latency_class in ('immediate', 'defer', 'park')",
            name=op.f("orders_latency_class_check"),
        ),
        sa.CheckConstraint("mode in ('paper', 'shadow', 'live')", name=op.f("orders_mode_check")),
        sa.CheckConstraint(
            "order_type in ('market', 'limit', 'stop')", name=op.f("orders_order_type_check")
        ),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("orders_side_check")),
        sa.CheckConstraint(
            "status in ('initialized', 'submitted', 'accepted', 'partially_filled', 'filled', 'rejected', 'denied', 'canceled', 'expired', 'not_sent', 'unknown', 'pending_cancel')",
            name=op.f("orders_status_check"),
        ),
        sa.CheckConstraint(
            "time_in_force in ('IOC', 'FOK', 'GTC', 'DAY')", name=op.f("orders_time_in_force_check")
        ),
        sa.CheckConstraint(
            "(filled_quantity > 0) = (average_price is not null)",
            name=op.f("orders_average_price_known_check"),
        ),
        sa.CheckConstraint("average_price > 0", name=op.f("orders_average_price_check")),
        sa.CheckConstraint("child_index >= 0", name=op.f("orders_child_index_check")),
        sa.CheckConstraint("deviation_points >= 0", name=op.f("orders_deviation_points_check")),
        sa.CheckConstraint(
            "filled_quantity between 0 and quantity", name=op.f("orders_filled_quantity_check")
        ),
        sa.CheckConstraint("limit_price > 0", name=op.f("orders_limit_price_check")),
        sa.CheckConstraint("quantity > 0", name=op.f("orders_quantity_check")),
        sa.CheckConstraint("reference_price > 0", name=op.f("orders_reference_price_check")),
        sa.CheckConstraint("stop_loss > 0", name=op.f("orders_stop_loss_check")),
        sa.CheckConstraint("take_profit > 0", name=op.f("orders_take_profit_check")),
        sa.ForeignKeyConstraint(
            ["intent_id"], ["intents.intent_id"], name=op.f("orders_intent_id_fkey")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("orders_pkey")),
        comment="Child orders; only execution.open_orders makes them.",
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(op.f("orders_correlation_id_idx"), "orders", ["correlation_id"], unique=False)
    op.create_index(
        "orders_intent_id_child_index_key", "orders", ["intent_id", "child_index"], unique=True
    )
    op.create_index(
        op.f("orders_org_id_created_at_idx"), "orders", ["org_id", "created_at"], unique=False
    )
    op.create_index(
        "orders_working_idx",
        "orders",
        ["account_id", "symbol"],
        unique=False,
        postgresql_where="status in ('initialized', 'submitted', 'accepted', 'partially_filled', 'unknown', 'pending_cancel')",
    )
    op.create_table(
        "account_leases",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("account_leases_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("account_leases_pkey")),
        schema="execution",
        comment="Which bridge owns which account; the epoch fences off its predecessors.",
    )
    op.create_table(
        "attempts",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column(
            "magic",
            sa.BigInteger(),
            nullable=False,
            comment="By which the venue's answer is found again.",
        ),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("account_epoch", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column(
            "opened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retcode", sa.Integer(), nullable=True),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column(
            "inquiry_id",
            sa.Uuid(),
            nullable=True,
            comment="The last time that the venue was to be asked about it.",
        ),
        sa.Column("inquired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('open', 'answered', 'unknown', 'not_sent')",
            name=op.f("attempts_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("attempts_order_id_fkey")
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("attempts_pkey")),
        sa.UniqueConstraint("client_order_id", name=op.f("attempts_client_order_id_key")),
        sa.UniqueConstraint("inquiry_id", name=op.f("attempts_inquiry_id_key")),
        sa.UniqueConstraint("magic", name=op.f("attempts_magic_key")),
        schema="execution",
        comment="Calls to a venue, committed before they are made; one at a time per order.",
    )
    op.create_index(
        "attempts_account_unresolved_idx",
        "attempts",
        ["account_id"],
        unique=False,
        schema="execution",
        postgresql_where="state in ('open', 'unknown')",
    )
    op.create_index(
        op.f("attempts_opened_at_idx"), "attempts", ["opened_at"], unique=False, schema="execution"
    )
    op.create_index(
        op.f("attempts_order_id_idx"), "attempts", ["order_id"], unique=False, schema="execution"
    )
    op.create_index(
        "attempts_unresolved_key",
        "attempts",
        ["order_id"],
        unique=True,
        schema="execution",
        postgresql_where="state in ('open', 'unknown')",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
