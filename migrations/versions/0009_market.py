"""The market as recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "latest_quotes",
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("bid", sa.Numeric(), nullable=False),
        sa.Column("ask", sa.Numeric(), nullable=False),
        sa.Column(
            "quoted_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="The venue's clock, in UTC.",
        ),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("ask >= bid", name=op.f("latest_quotes_ask_check")),
        sa.CheckConstraint("bid > 0", name=op.f("latest_quotes_bid_check")),
        sa.PrimaryKeyConstraint("venue_id", "symbol", name=op.f("latest_quotes_pkey")),
        comment="The last quote per venue and symbol.",
        postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.01"},
    )
    op.create_table(
        "market_bars",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("open", sa.Numeric(), nullable=False),
        sa.Column("high", sa.Numeric(), nullable=False),
        sa.Column("low", sa.Numeric(), nullable=False),
        sa.Column("close", sa.Numeric(), nullable=False),
        sa.Column("volume", sa.Numeric(), nullable=False),
        sa.Column("spread", sa.Numeric(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "timeframe in ('M1', 'M3', 'M5', 'M15', 'M30', 'H1', 'H4', 'D1', 'W1')",
            name=op.f("market_bars_timeframe_check"),
        ),
        sa.CheckConstraint(
            "high >= greatest(open, close, low)", name=op.f("market_bars_high_check")
        ),
        sa.CheckConstraint(
            "low <= least(open, close)", name=op.f("market_bars_low_is_lowest_check")
        ),
        sa.CheckConstraint("low > 0", name=op.f("market_bars_low_check")),
        sa.CheckConstraint("spread >= 0", name=op.f("market_bars_spread_check")),
        sa.CheckConstraint("volume >= 0", name=op.f("market_bars_volume_check")),
        sa.PrimaryKeyConstraint("symbol", "timeframe", "opened_at", name=op.f("market_bars_pkey")),
        comment="Bars of bid prices, a partition a month.",
        postgresql_partition_by="RANGE (opened_at)",
    )
    op.create_table(
        "market_ticks",
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("quoted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bid", sa.Numeric(), nullable=False),
        sa.Column("ask", sa.Numeric(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("ask >= bid", name=op.f("market_ticks_ask_check")),
        sa.CheckConstraint("bid > 0", name=op.f("market_ticks_bid_check")),
        sa.PrimaryKeyConstraint("venue_id", "symbol", "quoted_at", name=op.f("market_ticks_pkey")),
        comment="Quotes as received, a partition a day.",
        postgresql_partition_by="RANGE (quoted_at)",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
