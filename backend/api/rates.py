"""How fast each source may post, kept in this process.

A flood is turned away before it costs the database anything, and posts share no row. The price:
each API process counts for itself, so a desk with several of them lets through that many times
`rate_per_minute`, and what the edge function lets in is counted apart, by `intake.spend`.
"""

from __future__ import annotations

_MINUTE_NS = 60_000_000_000


class SourceRates:
    """One leaky bucket per source: `rate_per_minute` at once, then evenly over the minute.

    Tokens are known by their hashes; all of a source's tokens share its bucket. Asked from one
    thread.
    """

    def __init__(self) -> None:
        self._sources: dict[bytes, tuple[str, int]] = {}
        self._paid_until_ns: dict[str, int] = {}

    def learn(self, token: bytes, source_id: str | None, rate_per_minute: int | None) -> None:
        """Remember what the database said of a token; None says that there is no source."""
        if source_id is not None and rate_per_minute is not None:
            self._sources[token] = (source_id, rate_per_minute)

    def spend(self, token: bytes, now_ns: int) -> int:
        """Count one post. Returns 0, or after how many seconds there is room for it.

        A token's first post passes: the database's answer to it tells source and rate.
        """
        known = self._sources.get(token)
        if known is None:
            return 0
        source_id, rate = known
        paid_until_ns = max(self._paid_until_ns.get(source_id, now_ns), now_ns)
        ahead_ns = paid_until_ns + _MINUTE_NS // rate - now_ns - _MINUTE_NS
        if ahead_ns > 0:
            return 1 + ahead_ns // 1_000_000_000
        self._paid_until_ns[source_id] = paid_until_ns + _MINUTE_NS // rate
        return 0
