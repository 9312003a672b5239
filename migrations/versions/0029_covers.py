"""Tries at covering a residual are kept, so that what failed is asked for again, and only then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "covers",
        sa.Column("cover_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False, comment="The hedge instrument."),
        sa.Column(
            "fill_id",
            sa.Uuid(),
            nullable=False,
            comment="The fill after which the residual stands.",
        ),
        sa.Column(
            "intent_id",
            sa.Uuid(),
            nullable=True,
            comment="What asked for authority; null while nothing was asked.",
        ),
        sa.Column("side", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Numeric(), nullable=True, comment="Lots."),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("covers_side_check")),
        sa.CheckConstraint("quantity > 0", name=op.f("covers_quantity_check")),
        sa.CheckConstraint(
            "(intent_id is null) = (quantity is null) and (quantity is null) = (side is null)",
            name=op.f("covers_asked_check"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("covers_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("cover_id", name=op.f("covers_pkey")),
        sa.UniqueConstraint("intent_id", name=op.f("covers_intent_id_key")),
        schema="execution",
        comment="Every try at covering a residual, with or without an intent.",
    )
    op.create_index(
        op.f("covers_account_id_asked_at_idx"),
        "covers",
        ["account_id", "asked_at"],
        schema="execution",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
