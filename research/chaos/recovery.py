"""How long a killed part was missed: from the kill to the next fill that needed it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from research.chaos.plan import BRIDGE, POSTGRES, TERMINAL

Ask = Callable[..., list[tuple[Any, ...]]]

# Sent and filled by whoever took the place of the bridge, or of the terminal.
_SENT_SINCE: LiteralString = """
select min(f.recorded_at) from public.fills f
  join execution.attempts a on a.attempt_id = f.attempt_id
 where f.recorded_at > %s and a.opened_at > %s
"""
_BOOKED_SINCE: LiteralString = """
select min(f.recorded_at) from public.fills f where f.recorded_at > %s and f.recorded_at > %s
"""
# Through every agent, without the worker that was killed.
_WHOLE_CHAIN_SINCE: LiteralString = """
select min(f.recorded_at) from public.fills f
  join public.signals_raw r on r.correlation_id = f.correlation_id
 where f.recorded_at > %s and r.received_at > %s
"""
_QUERIES = {BRIDGE: _SENT_SINCE, TERMINAL: _SENT_SINCE, POSTGRES: _BOOKED_SINCE}


@dataclass(frozen=True, slots=True)
class Kill:
    """What was killed, and when."""

    part: str
    at: datetime

    def recovered_s(self, ask: Ask) -> float | None:
        """Give the seconds until the next fill by this part; None if there was none yet."""
        rows = ask(_QUERIES.get(self.part, _WHOLE_CHAIN_SINCE), self.at, self.at)
        if not rows or rows[0][0] is None:
            return None
        return (rows[0][0] - self.at).total_seconds()


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Give p50, p95 and the largest; empty without any."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    last = len(ordered) - 1
    return {
        "p50": round(ordered[round(0.5 * last)], 3),
        "p95": round(ordered[round(0.95 * last)], 3),
        "max": round(ordered[-1], 3),
    }
