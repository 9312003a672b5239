"""What the market made of each strategy's signals is counted, for sizes to go by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "strategy_records",
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column(
            "trades", sa.Integer(), nullable=False, comment="Signals whose outcome is known."
        ),
        sa.Column("wins", sa.Integer(), nullable=False),
        sa.Column(
            "losses_in_row",
            sa.Integer(),
            nullable=False,
            comment="Counted back from the last outcome.",
        ),
        sa.Column("last_closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("trades >= 0", name=op.f("strategy_records_trades_check")),
        sa.CheckConstraint("wins >= 0", name=op.f("strategy_records_wins_check")),
        sa.CheckConstraint("losses_in_row >= 0", name=op.f("strategy_records_losses_in_row_check")),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.strategy_id"],
            name=op.f("strategy_records_strategy_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("strategy_id", name=op.f("strategy_records_pkey")),
        schema="risk",
        comment="What the market made of each strategy's signals so far, in counts.",
        postgresql_with={"fillfactor": "50"},
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
