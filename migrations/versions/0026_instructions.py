"""What voters tell the treasury is kept as instructions until people have carried them out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "instructions",
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column(
            "instructed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True, comment="Whose session said so."),
        sa.Column(
            "reference",
            sa.Text(),
            nullable=True,
            comment="What shows it outside: a transfer, a transaction.",
        ),
        sa.CheckConstraint("amount > 0", name=op.f("instructions_amount_check")),
        sa.CheckConstraint("kind in ('buyback', 'mint')", name=op.f("instructions_kind_check")),
        sa.CheckConstraint(
            "state in ('pending', 'done', 'withdrawn')", name=op.f("instructions_state_check")
        ),
        sa.CheckConstraint(
            "(state = 'pending') = (settled_at is null)",
            name=op.f("instructions_settled_at_check"),
        ),
        sa.CheckConstraint(
            "(state = 'pending') = (reference is null)",
            name=op.f("instructions_reference_check"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.org_id"], name=op.f("instructions_org_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposals.proposal_id"], name=op.f("instructions_proposal_id_fkey")
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("instructions_pkey")),
        schema="treasury",
        comment="What voters told the treasury to do, and whether it is.",
    )
    op.create_index(
        op.f("instructions_pending_idx"),
        "instructions",
        ["org_id", "currency"],
        schema="treasury",
        postgresql_where=sa.text("state = 'pending'"),
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
