"""How long a venue gets: to answer a call, to own up to an attempt, and between two children.

All follow what the venue took by its own record: the week's baseline of its route and order
type. A baseline that is missing, thin or stale says nothing; then what was configured holds. An
attempt is believed not to have arrived only when send window and call timeout have both passed:
what is believed too early could be sent twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

TIMEOUT_MIN = timedelta(seconds=2)
TIMEOUT_MAX = timedelta(seconds=20)
TIMEOUT_CONFIGURED = timedelta(seconds=5)
"""Where the account's connection names none."""
SETTLE_MIN = timedelta(seconds=15)
SETTLE_MAX = timedelta(seconds=60)
"""Not beyond this for a venue's slowness alone; a longer call timeout is always outlasted."""
STALE_AFTER = timedelta(hours=1)
"""Baselines are rolled up every five minutes."""
ANSWERED_MIN = 30
"""Fewer answers than this make no percentile."""
_SENT_WITHIN = timedelta(seconds=8)
_TIMES_SLOWEST = 3
_MARGIN = timedelta(seconds=2)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Baseline:
    """How long a venue took to answer one order type over one route, this week."""

    venue_id: str
    route: str
    order_type: str
    attempts: int
    answered: int
    unanswered: int
    p99_ms: int | None
    rolled_at: datetime

    @property
    def p99(self) -> timedelta:
        """Return what 99 of 100 answers took at most."""
        return timedelta(milliseconds=max(0, self.p99_ms or 0))

    def fault(self, now: datetime) -> str | None:
        """Say why the baseline is not gone by, or None."""
        if now - self.rolled_at > STALE_AFTER:
            return "the baseline is stale"
        if self.p99_ms is None or self.answered < ANSWERED_MIN:
            return "the baseline has too few answers"
        return None

    def __str__(self) -> str:
        name = f"{self.venue_id}/{self.route}/{self.order_type}"
        return f"{name} p99 {self.p99_ms} ms of {self.answered} answers"


@dataclass(frozen=True, slots=True)
class Pace:
    """What a venue is given for a call and for owning up to it, and why."""

    timeout: timedelta
    settle: timedelta
    why: str


def venue_pace(baseline: Baseline | None, configured: timedelta | None, now: datetime) -> Pace:
    """Return a venue's pace.

    configured: the call timeout that the account's connection names.
    """
    timeout = configured or TIMEOUT_CONFIGURED
    fault = "no baseline" if baseline is None else baseline.fault(now)
    if baseline is None or fault is not None:
        return Pace(timeout, _settle(timeout, timedelta(0)), f"as configured: {fault}")
    slowest = _TIMES_SLOWEST * baseline.p99
    timeout = min(TIMEOUT_MAX, max(TIMEOUT_MIN, slowest))
    return Pace(timeout, _settle(timeout, slowest), str(baseline))


def _settle(timeout: timedelta, slowest: timedelta) -> timedelta:
    wanted = min(SETTLE_MAX, max(SETTLE_MIN, _SENT_WITHIN + slowest))
    return max(wanted, _SENT_WITHIN + timeout + _MARGIN)


def child_pace(baselines: Iterable[Baseline], now: datetime) -> tuple[int, str]:
    """Return the least seconds between two children of a worked order, and after which baseline.

    A child is answered and its trades are read: two calls. Where more than one in a hundred is
    not answered, what became of it is known after the settle window only. 0: nothing is known.
    """
    slowest, why = timedelta(0), "no baseline"
    for baseline in baselines:
        if baseline.fault(now) is not None:
            continue
        needed = 2 * baseline.p99
        if baseline.unanswered * 100 > baseline.attempts:
            needed = max(needed, venue_pace(baseline, None, now).settle)
        if needed >= slowest:
            slowest, why = needed, str(baseline)
    return ceil(slowest / _SECOND), why
