"""Oversight: what scheduled jobs did, what is kept how long, how the treasury stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "job_runs",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column(
            "every_s", sa.Integer(), nullable=False, comment="How often it is scheduled, at least."
        ),
        sa.Column("runs", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "last_run_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "last_error", sa.Text(), nullable=True, comment="Null where the last run ended well."
        ),
        sa.Column("last_report", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.CheckConstraint("every_s > 0", name=op.f("job_runs_every_s_check")),
        sa.PrimaryKeyConstraint("job", name=op.f("job_runs_pkey")),
        schema="ops",
        comment="The last run of each scheduled job: how a silent broker is noticed.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "retention",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("keep_days", sa.Integer(), nullable=True, comment="Null keeps for ever."),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint("keep_days > 0", name=op.f("retention_keep_days_check")),
        sa.PrimaryKeyConstraint("subject", name=op.f("retention_pkey")),
        schema="ops",
        comment="How many days partitions, open reviews and passing keys are kept.",
    )
    op.create_table(
        "states",
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("nav", sa.Numeric(), nullable=False),
        sa.Column("cash_buffer", sa.Numeric(), nullable=False),
        sa.Column("buffer_min", sa.Numeric(), nullable=False),
        sa.Column("utilization", sa.Numeric(), nullable=False),
        sa.Column(
            "throttle", sa.Numeric(), nullable=False, comment="Share of normal size, 1 = full."
        ),
        sa.Column(
            "reasons",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("policy_hash", sa.Text(), nullable=True),
        sa.Column(
            "as_of",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="The oldest balance that it stands on.",
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("buffer_min >= 0", name=op.f("states_buffer_min_check")),
        sa.CheckConstraint("utilization between 0 and 1", name=op.f("states_utilization_check")),
        sa.CheckConstraint("throttle between 0 and 1", name=op.f("states_throttle_check")),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.org_id"], name=op.f("states_org_id_fkey")
        ),
        sa.PrimaryKeyConstraint("org_id", name=op.f("states_pkey")),
        schema="treasury",
        comment="The treasury as last published, one row per organisation.",
        postgresql_with={"fillfactor": "50"},
    )
    op.add_column(
        "desired_agents",
        sa.Column(
            "observed", sa.Integer(), nullable=True, comment="Workers seen when last reported."
        ),
        schema="ops",
    )
    op.add_column(
        "feature_flags",
        sa.Column("announced", sa.Boolean(), nullable=True, comment="As the desk was last told."),
        schema="ops",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
