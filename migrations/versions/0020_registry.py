"""Instruments: who put them into their state and why; spellings likewise; signals' session tags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    _instruments()
    _aliases()
    op.add_column(
        "signals_normalized",
        sa.Column(
            "session_tags",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Every session that was open; `session` is the leading one.",
        ),
    )


def _instruments() -> None:
    op.add_column(
        "instruments",
        sa.Column(
            "state_override",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="A person put it where its life does not lead by itself.",
        ),
    )
    op.add_column(
        "instruments",
        sa.Column("state_reason", sa.Text(), nullable=True, comment="Why it is in this state."),
    )
    op.add_column(
        "instruments",
        sa.Column("state_by", sa.Text(), nullable=True, comment="Whose login put it there."),
    )
    op.add_column("instruments", sa.Column("state_at", sa.DateTime(timezone=True), nullable=True))


def _aliases() -> None:
    op.add_column(
        "instrument_aliases",
        sa.Column(
            "reason", sa.Text(), nullable=True, comment="Why the spelling means this symbol."
        ),
    )
    op.add_column(
        "instrument_aliases",
        sa.Column(
            "recorded_by",
            sa.Text(),
            server_default=sa.text("session_user"),
            nullable=False,
            comment="Whose login said so.",
        ),
    )
    op.add_column(
        "instrument_aliases",
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
    )
    op.create_table_comment(
        "instrument_aliases",
        "Other spellings of a symbol, in upper case; `EXCH:SYM` holds there only.",
        existing_comment="Other spellings of a symbol, in upper case.",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
