"""What a venue usually takes, as facts tell it, and what follows for the bridge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from backend.domain.settling import Baseline, Pace, venue_pace
from backend.values import read_instant


def baselines_of(rows: Iterable[Mapping[str, Any]]) -> list[Baseline]:
    """Read baselines from facts."""
    return [Baseline(**{**row, "rolled_at": read_instant(row["rolled_at"])}) for row in rows]


def pace_of(prepared: Mapping[str, Any]) -> Pace:
    """Say what an attempt's venue is given, by the database's clock."""
    told, configured = prepared.get("latency"), prepared.get("call_timeout_s")
    return venue_pace(
        None if told is None else baselines_of([told])[0],
        None if configured is None else timedelta(seconds=float(configured)),
        read_instant(prepared["as_of"]),
    )
