"""Operations: incidents, flags, tokens, the files applied."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "desired_agents",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("desired", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("draining", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("desired >= 0", name=op.f("desired_agents_desired_check")),
        sa.PrimaryKeyConstraint("agent", name=op.f("desired_agents_pkey")),
        schema="ops",
        comment="How many workers of each agent should run.",
    )
    op.create_table(
        "feature_flags",
        sa.Column("flag", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("flag", name=op.f("feature_flags_pkey")),
        schema="ops",
        comment="Switches that operators may turn.",
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reply", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "octet_length(body_sha256) = 32", name=op.f("idempotency_keys_body_sha256_check")
        ),
        sa.PrimaryKeyConstraint("person", "key", name=op.f("idempotency_keys_pkey")),
        schema="ops",
        comment="Answers already given to a person's keyed requests.",
    )
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column(
            "opened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at is not null)", name=op.f("incidents_closed_at_check")
        ),
        sa.CheckConstraint(
            "severity in ('INFO', 'WARN', 'CRITICAL')", name=op.f("incidents_severity_check")
        ),
        sa.CheckConstraint("state in ('open', 'closed')", name=op.f("incidents_state_check")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("incidents_pkey")),
        schema="ops",
        comment="What is wrong, one open row per kind and subject.",
    )
    op.create_index(
        "incidents_open_key",
        "incidents",
        ["kind", "subject"],
        unique=True,
        schema="ops",
        postgresql_where="state = 'open'",
    )
    op.create_table(
        "routines",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column(
            "revision", sa.Text(), nullable=False, comment="The migration that the database was at."
        ),
        sa.Column(
            "applied_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("path", name=op.f("routines_pkey")),
        schema="ops",
        comment="The files of sql/ as last applied.",
    )
    op.create_table(
        "api_tokens",
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("role_name", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "octet_length(token_sha256) = 32", name=op.f("api_tokens_token_sha256_check")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.org_id"], name=op.f("api_tokens_org_id_fkey")
        ),
        sa.PrimaryKeyConstraint("token_id", name=op.f("api_tokens_pkey")),
        sa.UniqueConstraint("token_sha256", name=op.f("api_tokens_token_sha256_key")),
        schema="ops",
        comment="Bearers for the API, kept as their hash only.",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
