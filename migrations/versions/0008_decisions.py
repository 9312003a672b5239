# ruff: noqa: E501
"""The record of decisions and their outcomes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "alert_outcomes",
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "first_decided_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "outcome in ('filled', 'partially_filled', 'rejected', 'denied', 'not_selected', 'expired', 'duplicate', 'dead_letter', 'in_review', 'awaiting_vote')",
            name=op.f("alert_outcomes_outcome_check"),
        ),
        sa.CheckConstraint(
            "decided_at >= first_decided_at", name=op.f("alert_outcomes_decided_at_check")
        ),
        sa.PrimaryKeyConstraint("correlation_id", name=op.f("alert_outcomes_pkey")),
        comment="Where each alert ended, or rests; ops.record_outcome alone writes it.",
    )
    op.create_index(
        op.f("alert_outcomes_org_id_outcome_idx"),
        "alert_outcomes",
        ["org_id", "outcome"],
        unique=False,
    )
    op.create_table(
        "compliance_alerts",
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "evidence",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "remediation_required", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "raised_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("correlation_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "severity in ('INFO', 'WARN', 'CRITICAL')",
            name=op.f("compliance_alerts_severity_check"),
        ),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("compliance_alerts_pkey")),
        comment="What compliance found.",
    )
    op.create_index(
        op.f("compliance_alerts_correlation_id_idx"),
        "compliance_alerts",
        ["correlation_id"],
        unique=False,
    )
    op.create_index(
        op.f("compliance_alerts_org_id_raised_at_idx"),
        "compliance_alerts",
        ["org_id", "raised_at"],
        unique=False,
    )
    op.create_table(
        "decision_deltas",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column(
            "predicted",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "realized",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "delta",
            sa.Numeric(),
            nullable=True,
            comment="Realised minus predicted; null if nothing was predicted.",
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("decision_deltas_pkey")),
        comment="Predicted against realised, one row per closed order.",
    )
    op.create_index(
        op.f("decision_deltas_correlation_id_idx"),
        "decision_deltas",
        ["correlation_id"],
        unique=False,
    )
    op.create_index(
        op.f("decision_deltas_org_id_closed_at_idx"),
        "decision_deltas",
        ["org_id", "closed_at"],
        unique=False,
    )
    op.create_table(
        "decision_traces",
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("trace_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column(
            "msg_id",
            sa.Uuid(),
            nullable=True,
            comment="The message decided on; null for an agent's own tick.",
        ),
        sa.Column("message_type", sa.Text(), nullable=True),
        sa.Column(
            "inputs",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="What handle was given.",
        ),
        sa.Column(
            "clock",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="The time that handle was told.",
        ),
        sa.Column("seed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("feature_hash", sa.Text(), nullable=True),
        sa.Column("policy_hash", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("final_outcome", sa.Text(), nullable=True),
        sa.Column(
            "decision",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="What handle returned, canonical.",
        ),
        sa.Column("latency_us", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("decided_at", "trace_id", name=op.f("decision_traces_pkey")),
        comment="Every decision with all it was made from; append-only, a partition a day.",
        postgresql_partition_by="RANGE (decided_at)",
    )
    op.create_index(
        op.f("decision_traces_agent_decided_at_idx"),
        "decision_traces",
        ["agent", "decided_at"],
        unique=False,
    )
    op.create_index(
        op.f("decision_traces_correlation_id_idx"),
        "decision_traces",
        ["correlation_id"],
        unique=False,
    )
    op.create_index(
        op.f("decision_traces_trace_id_idx"), "decision_traces", ["trace_id"], unique=False
    )
    op.create_table(
        "report_snapshots",
        sa.Column("snapshot_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column(
            "account_id", sa.Text(), nullable=True, comment="Null for the whole organisation."
        ),
        sa.Column(
            "metrics",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "generated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("snapshot_id", name=op.f("report_snapshots_pkey")),
        comment="The books as reported.",
    )
    op.create_index(
        op.f("report_snapshots_org_id_account_id_generated_at_idx"),
        "report_snapshots",
        ["org_id", "account_id", "generated_at"],
        unique=False,
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
