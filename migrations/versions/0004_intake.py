"""Intake: sources, and what makes two alerts the same."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "alert_keys",
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind in ('id', 'time', 'bytes')", name=op.f("alert_keys_kind_check")),
        sa.PrimaryKeyConstraint("source_id", "kind", "value", name=op.f("alert_keys_pkey")),
        schema="intake",
        comment="By what a second post of an alert is known, for ever.",
    )
    op.create_table(
        "duplicates",
        sa.Column("duplicate_id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False, comment="The alert that came first."),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["signals_raw.alert_id"], name=op.f("duplicates_alert_id_fkey")
        ),
        sa.PrimaryKeyConstraint("duplicate_id", name=op.f("duplicates_pkey")),
        schema="intake",
        comment="Posts that repeated an alert, byte for byte.",
    )
    op.create_index(
        op.f("duplicates_alert_id_idx"), "duplicates", ["alert_id"], unique=False, schema="intake"
    )
    op.create_table(
        "sources",
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("rate_per_minute", sa.Integer(), server_default=sa.text("600"), nullable=False),
        sa.Column(
            "max_age_ms",
            sa.BigInteger(),
            server_default="300000",
            nullable=False,
            comment="Older alerts go to review.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('active', 'revoked')", name=op.f("sources_state_check")),
        sa.CheckConstraint("max_age_ms > 0", name=op.f("sources_max_age_ms_check")),
        sa.CheckConstraint(
            "octet_length(token_sha256) = 32", name=op.f("sources_token_sha256_check")
        ),
        sa.CheckConstraint("rate_per_minute > 0", name=op.f("sources_rate_per_minute_check")),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.org_id"], name=op.f("sources_org_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.strategy_id"], name=op.f("sources_strategy_id_fkey")
        ),
        sa.PrimaryKeyConstraint("source_id", name=op.f("sources_pkey")),
        sa.UniqueConstraint("token_sha256", name=op.f("sources_token_sha256_key")),
        schema="intake",
        comment="Webhooks: a token each, kept as its hash only.",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
