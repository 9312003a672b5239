"""What orders slip by is fitted and kept; how long venues take is rolled up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_NOW = sa.text("clock_timestamp()")
_JSON = postgresql.JSONB(astext_type=sa.Text())
_COUNTS = ("attempts", "answered", "unanswered", "rejected")
_PERCENTILES = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "longest_ms")


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "slippage_models",
        sa.Column("model", sa.Text(), primary_key=True, comment="Changes with any number of it."),
        sa.Column("fitted_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False, comment="Fills that it was fitted on."),
        sa.Column("body", _JSON, nullable=False),
        sa.Column(
            "calibration",
            _JSON,
            nullable=False,
            comment="How each level held on fills that it never saw.",
        ),
        sa.Column("active", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="execution",
        comment="What orders slip by, as fitted: trees as plain numbers; one is active.",
    )
    op.create_index(
        "slippage_models_active_key",
        "slippage_models",
        ["active"],
        unique=True,
        schema="execution",
        postgresql_where="active",
    )
    op.create_table(
        "latency_baselines",
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False, comment="The account whose bridge sends."),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column(
            "starts_at",
            _INSTANT,
            nullable=False,
            comment="Of an hour; of the week always the same instant.",
        ),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in _PERCENTILES),
        sa.Column("rolled_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.CheckConstraint("span in ('hour', 'week')", name=op.f("latency_baselines_span_check")),
        *(
            sa.CheckConstraint(f"{name} >= 0", name=op.f(f"latency_baselines_{name}_check"))
            for name in _COUNTS
        ),
        sa.PrimaryKeyConstraint(
            *("venue_id", "route", "order_type", "span", "starts_at"),
            name=op.f("latency_baselines_pkey"),
        ),
        schema="execution",
        comment="How long venues take to answer, by venue, route and order type: each hour, "
        "and the week up to now.",
    )
    op.create_index(
        op.f("latency_baselines_starts_at_idx"),
        "latency_baselines",
        ["starts_at"],
        schema="execution",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
