"""Keep in what shadow routing policies differ from the active one, and what it was worth."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "routing_differences",
        sa.Column("opportunity_id", sa.Uuid(), primary_key=True),
        sa.Column("shadow", sa.Text(), primary_key=True, comment="The shadow policy's name."),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("active", sa.Text(), nullable=False, comment="The policy that decided."),
        sa.Column("active_code", sa.Text(), comment="Why it did not select; null where it did."),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), comment="Why the shadow would not have selected."),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("reference_price", sa.Numeric(), nullable=False),
        sa.Column("stop_loss", sa.Numeric(), nullable=False),
        sa.Column("take_profit", sa.Numeric(), nullable=False),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            server_default=sa.text("'open'"),
            nullable=False,
            comment="What the market met first.",
        ),
        sa.Column(
            "gain_r", sa.Numeric(), comment="What the shadow would have earned more, in risks (R)."
        ),
        sa.Column("resolved_at", sa.DateTime(timezone=True)),
        *_checks(
            ("side", "side in ('BUY', 'SELL')"),
            ("kind", "kind in ('takes', 'leaves', 'reasons')"),
            ("outcome", "outcome in ('open', 'target', 'stop', 'horizon', 'unknown', 'none')"),
            ("reference_price", "reference_price > 0"),
            ("stop_loss", "stop_loss > 0"),
            ("take_profit", "take_profit > 0"),
            ("code", "(kind = 'takes') = (code is null)"),
            ("reasons", "(kind = 'reasons') = (outcome = 'none')"),
            ("gain_r", "(outcome in ('target', 'stop', 'horizon')) = (gain_r is not null)"),
            ("resolved_at", "(outcome in ('open', 'none')) = (resolved_at is null)"),
        ),
        comment="Where a shadow routing policy judged otherwise than the active one.",
    )
    op.create_index(
        "routing_differences_org_id_shadow_decided_at_idx",
        "routing_differences",
        ["org_id", "shadow", "decided_at"],
    )
    op.create_index(
        "routing_differences_correlation_id_idx", "routing_differences", ["correlation_id"]
    )
    op.create_index(
        "routing_differences_open_idx",
        "routing_differences",
        ["decided_at"],
        postgresql_where="outcome = 'open'",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")


def _checks(*named: tuple[str, str]) -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(condition, name=op.f(f"routing_differences_{name}_check"))
        for name, condition in named
    ]
