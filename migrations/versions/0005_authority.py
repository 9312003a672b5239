# ruff: noqa: E501
"""Authority: intents, limits and the budgets that they hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "intents",
        sa.Column("intent_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default=sa.text("'allocate'"), nullable=False),
        sa.Column("requested_quantity", sa.Numeric(), nullable=False, comment="Lots."),
        sa.Column(
            "authorized_quantity",
            sa.Numeric(),
            nullable=True,
            comment="Lots; null until authorised.",
        ),
        sa.Column(
            "notional",
            sa.Numeric(),
            nullable=False,
            comment="Of the quantity that holds, in account currency.",
        ),
        sa.Column("reference_price", sa.Numeric(), nullable=False),
        sa.Column("stop_loss", sa.Numeric(), nullable=True),
        sa.Column("take_profit", sa.Numeric(), nullable=True),
        sa.Column("reduce_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("denial_code", sa.Text(), nullable=True),
        sa.Column("risk_level", sa.Text(), nullable=True),
        sa.Column(
            "highest_utilization",
            sa.Numeric(),
            nullable=True,
            comment="The fullest limit afterwards, 1 = full.",
        ),
        sa.Column("policy_hash", sa.Text(), nullable=True),
        sa.Column(
            "exposure_deltas",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "reason_codes",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "latency_class", sa.Text(), server_default=sa.text("'immediate'"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('allocate', 'cover')", name=op.f("intents_kind_check")),
        sa.CheckConstraint(
            "latency_class in ('immediate', 'defer', 'park')",
            name=op.f("intents_latency_class_check"),
        ),
        sa.CheckConstraint("mode in ('paper', 'shadow', 'live')", name=op.f("intents_mode_check")),
        sa.CheckConstraint(
            "order_type in ('market', 'limit', 'stop')", name=op.f("intents_order_type_check")
        ),
        sa.CheckConstraint(
            "risk_level in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')",
            name=op.f("intents_risk_level_check"),
        ),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("intents_side_check")),
        sa.CheckConstraint(
            "state <> 'denied' or denial_code is not null", name=op.f("intents_denial_code_check")
        ),
        sa.CheckConstraint(
            "state in ('authorized', 'denied', 'awaiting_vote', 'approved', 'ordered', 'expired', 'refused')",
            name=op.f("intents_state_check"),
        ),
        sa.CheckConstraint(
            "authorized_quantity between 0 and requested_quantity",
            name=op.f("intents_authorized_quantity_check"),
        ),
        sa.CheckConstraint(
            "highest_utilization >= 0", name=op.f("intents_highest_utilization_check")
        ),
        sa.CheckConstraint("notional >= 0", name=op.f("intents_notional_check")),
        sa.CheckConstraint("reference_price > 0", name=op.f("intents_reference_price_check")),
        sa.CheckConstraint("requested_quantity > 0", name=op.f("intents_requested_quantity_check")),
        sa.CheckConstraint("stop_loss > 0", name=op.f("intents_stop_loss_check")),
        sa.CheckConstraint("take_profit > 0", name=op.f("intents_take_profit_check")),
        sa.PrimaryKeyConstraint("intent_id", name=op.f("intents_pkey")),
        comment="What asked for authority, and what it got.",
    )
    op.create_index(op.f("intents_correlation_id_idx"), "intents", ["correlation_id"], unique=False)
    op.create_index(
        "intents_open_idx",
        "intents",
        ["expires_at"],
        unique=False,
        postgresql_where="state in ('authorized', 'awaiting_vote', 'approved')",
    )
    op.create_index(
        op.f("intents_org_id_created_at_idx"), "intents", ["org_id", "created_at"], unique=False
    )
    op.create_table(
        "policies",
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "applied_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("applied_by", sa.Text(), server_default=sa.text("session_user"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "policy_hash ~ '^[0-9a-f]{64}$'", name=op.f("policies_policy_hash_check")
        ),
        sa.PrimaryKeyConstraint("policy_hash", name=op.f("policies_pkey")),
        schema="risk",
        comment="Policy packs as applied; one is active.",
    )
    op.create_index(
        "policies_active_key",
        "policies",
        ["active"],
        unique=True,
        schema="risk",
        postgresql_where="active",
    )
    op.create_table(
        "reservations",
        sa.Column("intent_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("remaining_quantity", sa.Numeric(), nullable=False),
        sa.Column("notional", sa.Numeric(), nullable=False),
        sa.Column("remaining_notional", sa.Numeric(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("reservations_side_check")),
        sa.CheckConstraint("notional >= 0", name=op.f("reservations_notional_check")),
        sa.CheckConstraint("quantity > 0", name=op.f("reservations_quantity_check")),
        sa.CheckConstraint(
            "remaining_notional between 0 and notional",
            name=op.f("reservations_remaining_notional_check"),
        ),
        sa.CheckConstraint(
            "remaining_quantity between 0 and quantity",
            name=op.f("reservations_remaining_quantity_check"),
        ),
        sa.PrimaryKeyConstraint("intent_id", name=op.f("reservations_pkey")),
        schema="risk",
        comment="Budget that an authorised intent holds until it is used.",
    )
    op.create_index(
        "reservations_open_idx",
        "reservations",
        ["account_id", "symbol"],
        unique=False,
        schema="risk",
        postgresql_where="released_at is null",
    )
    op.create_table(
        "risk_checks",
        sa.Column("intent_id", sa.Uuid(), nullable=False),
        sa.Column("limit_kind", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Text(), nullable=False),
        sa.Column(
            "limit_value",
            sa.Numeric(),
            nullable=True,
            comment="Null where the limit is missing, which denies.",
        ),
        sa.Column("observed", sa.Numeric(), nullable=True),
        sa.Column("projected", sa.Numeric(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column(
            "checked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "outcome = 'passed' or code is not null", name=op.f("risk_checks_code_check")
        ),
        sa.CheckConstraint(
            "outcome in ('passed', 'trimmed', 'denied')", name=op.f("risk_checks_outcome_check")
        ),
        sa.CheckConstraint(
            "scope in ('platform', 'organization', 'account', 'strategy', 'instrument', 'venue')",
            name=op.f("risk_checks_scope_check"),
        ),
        sa.PrimaryKeyConstraint(
            "intent_id", "limit_kind", "scope", "scope_id", name=op.f("risk_checks_pkey")
        ),
        comment="Every limit that was checked, with limit and observed value; append-only.",
    )
    op.create_table(
        "limits",
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Text(), nullable=False, comment="`*` stands for every one."),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "scope in ('platform', 'organization', 'account', 'strategy', 'instrument', 'venue')",
            name=op.f("limits_scope_check"),
        ),
        sa.ForeignKeyConstraint(
            ["policy_hash"], ["risk.policies.policy_hash"], name=op.f("limits_policy_hash_fkey")
        ),
        sa.PrimaryKeyConstraint(
            "policy_hash", "scope", "scope_id", "kind", name=op.f("limits_pkey")
        ),
        schema="risk",
        comment="The limits of each pack, one row each; the tightest wins.",
    )
    op.create_table(
        "account_state",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("equity", sa.Numeric(), nullable=False),
        sa.Column("peak_equity", sa.Numeric(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("day_start_equity", sa.Numeric(), nullable=False),
        sa.Column("realized_today", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "as_of",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("peak_equity >= equity", name=op.f("account_state_peak_equity_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("account_state_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("account_state_pkey")),
        schema="risk",
        comment="Equity and the day's result per account: the row that authorising locks.",
        postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.01"},
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
