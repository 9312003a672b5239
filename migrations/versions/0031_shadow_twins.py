"""Twins run in the shadow beside production, with books of their own, and are compared with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_OUTCOMES = (
    "('filled', 'partially_filled', 'rejected', 'denied', 'not_selected', 'expired', 'duplicate', "
    "'dead_letter', 'in_review', 'awaiting_vote')"
)


def upgrade() -> None:
    """Apply the revision."""
    op.drop_constraint(op.f("venues_kind_check"), "venues", type_="check")
    op.create_check_constraint(op.f("venues_kind_check"), "venues", "kind in ('mt5', 'shadow')")
    op.add_column(
        "venues",
        sa.Column(
            "mirrors",
            sa.Text(),
            nullable=True,
            comment="Of a shadow: the venue whose market it shows. Nothing is ever sent there.",
        ),
    )
    op.create_foreign_key(
        op.f("venues_mirrors_fkey"), "venues", "venues", ["mirrors"], ["venue_id"]
    )
    op.create_check_constraint(
        op.f("venues_mirrors_check"), "venues", "(kind = 'shadow') = (mirrors is not null)"
    )
    op.add_column(
        "strategies",
        sa.Column(
            "shadow_of",
            sa.Text(),
            nullable=True,
            comment="Of a twin: the strategy beside which it runs, on the same alerts.",
        ),
    )
    op.create_foreign_key(
        op.f("strategies_shadow_of_fkey"),
        "strategies",
        "strategies",
        ["shadow_of"],
        ["strategy_id"],
    )
    op.create_check_constraint(
        op.f("strategies_shadow_of_check"), "strategies", "shadow_of is null or mode = 'shadow'"
    )
    op.create_index(
        "strategies_shadow_of_idx",
        "strategies",
        ["shadow_of"],
        postgresql_where=sa.text("shadow_of is not null"),
    )
    op.alter_column(
        "venue_orders",
        "reconciliation_id",
        schema="execution",
        nullable=True,
        existing_comment="Which found it first.",
        comment="Which found it first; none in the shadow.",
    )
    _comparisons()


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")


def _comparisons() -> None:
    def told(name: str, comment: str | None = None, *, known: bool = True) -> sa.Column[object]:
        return sa.Column(name, sa.Text(), nullable=not known, comment=comment)

    def figure(name: str, comment: str | None = None) -> sa.Column[object]:
        return sa.Column(name, sa.Numeric(), nullable=True, comment=comment)

    op.create_table(
        "shadow_comparisons",
        sa.Column(
            "shadow_correlation_id",
            sa.Uuid(),
            nullable=False,
            comment="What the twin did runs under an id of its own.",
        ),
        sa.Column("correlation_id", sa.Uuid(), nullable=False, comment="The alert's."),
        told("org_id"),
        told("strategy_id"),
        told("account_id"),
        told("shadow_strategy_id"),
        told("shadow_account_id"),
        told("symbol"),
        told("side"),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        told("shadow_outcome", "Where the twin ended; the alert's end is elsewhere.", known=False),
        told("shadow_code", known=False),
        sa.Column("shadow_ended_at", sa.DateTime(timezone=True), nullable=True),
        told("production_outcome", known=False),
        told("production_code", known=False),
        sa.Column(
            "verdict",
            sa.Text(),
            server_default=sa.text("'open'"),
            nullable=False,
            comment="takes: the twin alone trades; leaves: production alone; "
            "size: both, unequal lots.",
        ),
        figure("production_quantity", "Lots filled."),
        figure("shadow_quantity"),
        figure("production_price", "Mean of its fills."),
        figure("shadow_price"),
        figure("production_slippage_bps", "Against the reference; above 0 worse."),
        figure("shadow_slippage_bps"),
        figure("slippage_difference_bps", "The twin's less production's."),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.CheckConstraint(condition, name=op.f(f"shadow_comparisons_{name}_check"))
            for name, condition in (
                ("side", "side in ('BUY', 'SELL')"),
                ("shadow_outcome", f"shadow_outcome in {_OUTCOMES}"),
                ("production_outcome", f"production_outcome in {_OUTCOMES}"),
                (
                    "verdict",
                    "verdict in ('open', 'agree', 'size', 'takes', 'leaves', 'reasons')",
                ),
                ("compared_at", "(verdict = 'open') = (compared_at is null)"),
            )
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.org_id"], name=op.f("shadow_comparisons_org_id_fkey")
        ),
        sa.PrimaryKeyConstraint("shadow_correlation_id", name=op.f("shadow_comparisons_pkey")),
        comment="Production and its twin on the same alert: decisions, sizes, slippage.",
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        op.f("shadow_comparisons_correlation_id_idx"), "shadow_comparisons", ["correlation_id"]
    )
    op.create_index(
        op.f("shadow_comparisons_shadow_account_id_compared_at_idx"),
        "shadow_comparisons",
        ["shadow_account_id", "compared_at"],
    )
    op.create_index(
        op.f("shadow_comparisons_org_id_started_at_idx"),
        "shadow_comparisons",
        ["org_id", "started_at"],
    )
    op.create_index(
        "shadow_comparisons_open_idx",
        "shadow_comparisons",
        ["started_at"],
        postgresql_where=sa.text("verdict = 'open'"),
    )
