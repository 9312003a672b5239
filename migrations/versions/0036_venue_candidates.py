"""What a choice of venue looks at reads the pack itself."""

from __future__ import annotations

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    # Its arguments changed; the folder brings it back.
    op.execute(
        "drop function if exists execution.venue_candidates(text, text, text, text, boolean, jsonb)"
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
