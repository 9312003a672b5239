"""Conditions are read by the kinds that look at them: the signature that was replaced goes."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.execute("drop function if exists risk.read_conditions(jsonb, text[], text, jsonb)")


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
