"""What an order opened may get other stops: sent at most once, for the position that has them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    table, schema = "order_changes", "execution"
    since = "Stops: since when they may be at the venue."
    attempted = sa.Column("attempted_at", sa.DateTime(timezone=True), comment=since)
    position = sa.Column(
        "venue_position_id", sa.Text(), comment="Stops: the position that has them."
    )
    op.add_column(table, attempted, schema=schema)
    op.add_column(table, position, schema=schema)
    name = op.f("order_changes_kind_check")
    op.drop_constraint(name, table, schema=schema)
    op.create_check_constraint(name, table, "kind in ('modify', 'cancel', 'stops')", schema=schema)


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
