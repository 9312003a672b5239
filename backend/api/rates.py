"""How fast each source may post, kept in this process.

A flood is turned away before it costs the database anything, and posts share no row. The price:
each API process counts for itself, so a desk with several of them lets through that many times
`rate_per_minute`, and what the edge function lets in is not counted here.
"""

from __future__ import annotations

_MINUTE_NS = 60_000_000_000


class SourceRates:
    """One leaky bucket per source: `rate_per_minute` at once, then evenly over the minute.

    Sources are named by their tokens' hashes. Asked from one thread.
    """

    def __init__(self) -> None:
        self._rates: dict[bytes, int] = {}
        self._paid_until_ns: dict[bytes, int] = {}

    def learn(self, source: bytes, rate_per_minute: int | None) -> None:
        """Remember what the database said of a source; None says that there is none."""
        if rate_per_minute is not None:
            self._rates[source] = rate_per_minute

    def spend(self, source: bytes, now_ns: int) -> bool:
        """Count one post; False if it is one too many.

        A source's first post passes: the database's answer to it tells the rate.
        """
        rate = self._rates.get(source)
        if rate is None:
            return True
        paid_until_ns = max(self._paid_until_ns.get(source, now_ns), now_ns) + _MINUTE_NS // rate
        if paid_until_ns > now_ns + _MINUTE_NS:
            return False
        self._paid_until_ns[source] = paid_until_ns
        return True
