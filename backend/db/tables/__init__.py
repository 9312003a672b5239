"""Every table as a SQLAlchemy model, one module per concern; the migrations follow them."""

from backend.db.tables import (
    algorithms,
    audit,
    bus,
    covers,
    decisions,
    governance,
    intake,
    ledger,
    limits,
    market,
    master,
    ops,
    orders,
    reconciliation,
    risk,
    routing,
    scoring,
    shadows,
    signals,
    structures,
    treasury,
)
from backend.db.tables.base import Base

CONCERNS = (
    master,
    bus,
    signals,
    routing,
    scoring,
    intake,
    risk,
    governance,
    limits,
    treasury,
    orders,
    algorithms,
    covers,
    ledger,
    reconciliation,
    decisions,
    shadows,
    market,
    structures,
    ops,
    audit,
)

metadata = Base.metadata

# How far one partition reaches.
PARTITIONED = {
    "bus.events": "day",
    "public.order_events": "day",
    "public.decision_traces": "day",
    "public.market_ticks": "day",
    "public.market_bars": "month",
}
