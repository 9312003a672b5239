"""The market as recorded: bars, ticks, the latest quotes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import Base, not_negative, now, one_of, positive

TIMEFRAMES = ("M1", "M3", "M5", "M15", "M30", "H1", "H4", "D1", "W1")

_DEPTH = "Lots at the touch; null where the feed shows no book."
_FLOW = "-1 all selling, +1 all buying; null where the feed has none."


class MarketBar(Base):
    __tablename__ = "market_bars"
    __table_args__ = (
        one_of("timeframe", *TIMEFRAMES),
        *positive("low"),
        *not_negative("volume", "spread"),
        CheckConstraint("high >= greatest(open, close, low)", name="high"),
        CheckConstraint("low <= least(open, close)", name="low_is_lowest"),
        {
            "comment": "Bars of bid prices, a partition a month.",
            "postgresql_partition_by": "RANGE (opened_at)",
        },
    )

    symbol: Mapped[str] = mapped_column(primary_key=True)
    timeframe: Mapped[str] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime] = mapped_column(primary_key=True)
    open: Mapped[Decimal]
    high: Mapped[Decimal]
    low: Mapped[Decimal]
    close: Mapped[Decimal]
    volume: Mapped[Decimal]
    spread: Mapped[Decimal | None]
    source: Mapped[str]


class LatestQuote(Base):
    __tablename__ = "latest_quotes"
    __table_args__ = (
        *positive("bid"),
        CheckConstraint("ask >= bid", name="ask"),
        *(
            CheckConstraint(f"{name} between -1 and 1", name=name)
            for name in ("volume_delta", "depth_imbalance")
        ),
        *not_negative("bid_depth", "ask_depth"),
        {
            "comment": "The last quote per venue and symbol.",
            "postgresql_with": {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.01"},
        },
    )

    venue_id: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    bid: Mapped[Decimal]
    ask: Mapped[Decimal]
    quoted_at: Mapped[datetime] = mapped_column(comment="The venue's clock, in UTC.")
    received_at: Mapped[datetime] = now()
    volume_delta: Mapped[Decimal | None] = mapped_column(comment=_FLOW)
    depth_imbalance: Mapped[Decimal | None] = mapped_column(comment=_FLOW)
    bid_depth: Mapped[Decimal | None] = mapped_column(comment=_DEPTH)
    ask_depth: Mapped[Decimal | None] = mapped_column(comment=_DEPTH)


class MarketTick(Base):
    __tablename__ = "market_ticks"
    __table_args__ = (
        *positive("bid"),
        CheckConstraint("ask >= bid", name="ask"),
        {
            "comment": "Quotes as received, a partition a day.",
            "postgresql_partition_by": "RANGE (quoted_at)",
        },
    )

    venue_id: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    quoted_at: Mapped[datetime] = mapped_column(primary_key=True)
    bid: Mapped[Decimal]
    ask: Mapped[Decimal]
    received_at: Mapped[datetime] = now()
