"""Signals: from an alert's bytes to an opportunity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from backend.db.tables.base import Embedding

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "hypotheses",
        sa.Column("hypothesis_id", sa.Uuid(), nullable=False),
        sa.Column("signal_id", sa.Uuid(), nullable=False),
        sa.Column("rationale_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("probability", sa.Numeric(), nullable=False),
        sa.Column(
            "evidence",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("window_opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latency_class", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "latency_class in ('immediate', 'defer', 'park')",
            name=op.f("hypotheses_latency_class_check"),
        ),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("hypotheses_side_check")),
        sa.CheckConstraint(
            "probability between 0 and 1", name=op.f("hypotheses_probability_check")
        ),
        sa.CheckConstraint(
            "window_closes_at > window_opens_at", name=op.f("hypotheses_window_closes_at_check")
        ),
        sa.PrimaryKeyConstraint("hypothesis_id", name=op.f("hypotheses_pkey")),
        comment="What the strategy analyst expects, why, and until when it holds.",
    )
    op.create_index(
        op.f("hypotheses_correlation_id_idx"), "hypotheses", ["correlation_id"], unique=False
    )
    op.create_table(
        "opportunities",
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("hypothesis_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("score", sa.Numeric(), nullable=False),
        sa.Column("confidence", sa.Numeric(), nullable=False),
        sa.Column("selected", sa.Boolean(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("routing_policy", sa.Text(), nullable=False),
        sa.Column("strategy_id", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("venue_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("opportunities_side_check")),
        sa.CheckConstraint(
            "confidence between 0 and 1", name=op.f("opportunities_confidence_check")
        ),
        sa.CheckConstraint("selected or code is not null", name=op.f("opportunities_code_check")),
        sa.PrimaryKeyConstraint("opportunity_id", name=op.f("opportunities_pkey")),
        comment="Hypotheses as the router judged them; one that lost says why.",
    )
    op.create_index(
        op.f("opportunities_correlation_id_idx"), "opportunities", ["correlation_id"], unique=False
    )
    op.create_index(
        op.f("opportunities_symbol_created_at_idx"),
        "opportunities",
        ["symbol", "created_at"],
        unique=False,
    )
    op.create_table(
        "review_queue",
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "subject_id",
            sa.Uuid(),
            nullable=False,
            comment="The alert, signal or intent, as kind says.",
        ),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column(
            "opened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at is null)", name=op.f("review_queue_decided_at_check")
        ),
        sa.CheckConstraint(
            "kind in ('alert', 'signal', 'intent')", name=op.f("review_queue_kind_check")
        ),
        sa.CheckConstraint(
            "state in ('open', 'approved', 'refused', 'expired')",
            name=op.f("review_queue_state_check"),
        ),
        sa.PrimaryKeyConstraint("review_id", name=op.f("review_queue_pkey")),
        comment="What waits for a person, and why.",
    )
    op.create_index(
        op.f("review_queue_correlation_id_idx"), "review_queue", ["correlation_id"], unique=False
    )
    op.create_index(
        "review_queue_open_idx",
        "review_queue",
        ["org_id", "opened_at"],
        unique=False,
        postgresql_where="state = 'open'",
    )
    op.create_table(
        "signals_raw",
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False, comment="Leads through everything."),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=True),
        sa.Column("remote_address", postgresql.INET(), nullable=True),
        sa.Column("parsed", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("understood", sa.Boolean(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("dedupe_kind", sa.Text(), nullable=True),
        sa.Column("dedupe_value", sa.Text(), nullable=True),
        sa.Column(
            "source_time",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the source says that it fired.",
        ),
        sa.CheckConstraint(
            "dedupe_kind in ('id', 'time', 'bytes')", name=op.f("signals_raw_dedupe_kind_check")
        ),
        sa.CheckConstraint(
            "understood = (parsed is not null)", name=op.f("signals_raw_understood_check")
        ),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("signals_raw_pkey")),
        sa.UniqueConstraint("correlation_id", name=op.f("signals_raw_correlation_id_key")),
        comment="Alerts as they came, byte for byte; append-only.",
    )
    op.create_index(
        op.f("signals_raw_org_id_received_at_idx"),
        "signals_raw",
        ["org_id", "received_at"],
        unique=False,
    )
    op.create_index(
        op.f("signals_raw_received_at_idx"), "signals_raw", ["received_at"], unique=False
    )
    op.create_table(
        "strategy_rationales",
        sa.Column("rationale_id", sa.Uuid(), nullable=False),
        sa.Column("signal_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("score", sa.Numeric(), nullable=False),
        sa.Column("confidence", sa.Numeric(), nullable=False),
        sa.Column(
            "axes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "features",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("feature_vector", Embedding(), nullable=True),
        sa.Column(
            "contributions",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "conflicts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "precedents",
            postgresql.ARRAY(sa.Uuid()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Nearest earlier rationales.",
        ),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("weights_version", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Numeric(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column(
            "scored_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("strategy_rationales_side_check")),
        sa.CheckConstraint(
            "confidence between 0 and 1", name=op.f("strategy_rationales_confidence_check")
        ),
        sa.CheckConstraint("score between 0 and 1", name=op.f("strategy_rationales_score_check")),
        sa.CheckConstraint(
            "threshold between 0 and 1", name=op.f("strategy_rationales_threshold_check")
        ),
        sa.PrimaryKeyConstraint("rationale_id", name=op.f("strategy_rationales_pkey")),
        sa.UniqueConstraint("signal_id", name=op.f("strategy_rationales_signal_id_key")),
        comment="What each score is made of, passed or not; append-only.",
    )
    op.create_index(
        op.f("strategy_rationales_correlation_id_idx"),
        "strategy_rationales",
        ["correlation_id"],
        unique=False,
    )
    op.create_index(
        op.f("strategy_rationales_org_id_scored_at_idx"),
        "strategy_rationales",
        ["org_id", "scored_at"],
        unique=False,
    )
    op.create_table(
        "signals_normalized",
        sa.Column("signal_id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("symbol_class", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=True),
        sa.Column("stop_loss", sa.Numeric(), nullable=True),
        sa.Column("take_profit", sa.Numeric(), nullable=True),
        sa.Column("quantity", sa.Numeric(), nullable=True, comment="Lots, if the alert named any."),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("source_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column(
            "normalized_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "mode in ('paper', 'shadow', 'live')", name=op.f("signals_normalized_mode_check")
        ),
        sa.CheckConstraint(
            "order_type in ('market', 'limit', 'stop')",
            name=op.f("signals_normalized_order_type_check"),
        ),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("signals_normalized_side_check")),
        sa.CheckConstraint("price > 0", name=op.f("signals_normalized_price_check")),
        sa.CheckConstraint("quantity > 0", name=op.f("signals_normalized_quantity_check")),
        sa.CheckConstraint("stop_loss > 0", name=op.f("signals_normalized_stop_loss_check")),
        sa.CheckConstraint("take_profit > 0", name=op.f("signals_normalized_take_profit_check")),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["signals_raw.alert_id"], name=op.f("signals_normalized_alert_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["symbol"], ["instruments.symbol"], name=op.f("signals_normalized_symbol_fkey")
        ),
        sa.PrimaryKeyConstraint("signal_id", name=op.f("signals_normalized_pkey")),
        sa.UniqueConstraint("alert_id", name=op.f("signals_normalized_alert_id_key")),
        comment="Signals in the desk's own words, one per alert.",
    )
    op.create_index(
        op.f("signals_normalized_correlation_id_idx"),
        "signals_normalized",
        ["correlation_id"],
        unique=False,
    )
    op.create_index(
        op.f("signals_normalized_symbol_normalized_at_idx"),
        "signals_normalized",
        ["symbol", "normalized_at"],
        unique=False,
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
