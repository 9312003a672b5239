"""Volatilities: measured when bars come in, read when intents do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "volatilities",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column(
            "sigma",
            sa.Numeric(),
            nullable=False,
            comment="Standard deviation of one day's log return.",
        ),
        sa.Column(
            "good_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="After that the bars are too old to speak.",
        ),
        sa.CheckConstraint("sigma >= 0", name=op.f("volatilities_sigma_check")),
        sa.PrimaryKeyConstraint("symbol", name=op.f("volatilities_pkey")),
        schema="risk",
        comment="How much each symbol moves in a day, kept as bars come in.",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
