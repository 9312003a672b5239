"""Quotes carry what waits at the touch, where the feed shows a book."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_DEPTH = "Lots at the touch; null where the feed shows no book."


def upgrade() -> None:
    """Apply the revision."""
    for name in ("bid_depth", "ask_depth"):
        op.add_column("latest_quotes", sa.Column(name, sa.Numeric(), comment=_DEPTH))
        op.create_check_constraint(
            op.f(f"latest_quotes_{name}_check"), "latest_quotes", f"{name} >= 0"
        )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
