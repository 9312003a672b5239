"""How long a venue that does not know an attempt is asked again before that is believed.

The floor outlasts the send window and the call's timeout together; a venue that is slow by its
own record is given longer, within bounds: what is believed too early could be sent twice.
"""

from __future__ import annotations

from datetime import timedelta

SETTLE_MIN = timedelta(seconds=15)
"""Longer than the send window and the venue's timeout together (8 s + 5 s)."""
SETTLE_MAX = timedelta(seconds=60)
_SENT_WITHIN = timedelta(seconds=8)
_TIMES_SLOWEST = 3


def settle_window(latency_p99_ms: int | None) -> timedelta:
    """Return the window after a venue's baseline latency; None: no baseline, so the least."""
    if latency_p99_ms is None:
        return SETTLE_MIN
    wanted = _SENT_WITHIN + _TIMES_SLOWEST * timedelta(milliseconds=max(0, latency_p99_ms))
    return min(SETTLE_MAX, max(SETTLE_MIN, wanted))
