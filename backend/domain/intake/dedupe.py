"""What makes two posts one alert. TradingView sends no unique id and resends on failure.

Kinds, strongest first: an id of the sender's own; the source's time together with symbol,
side, strategy, order name and number; else the bytes themselves, which count only for a minute.
"""

from __future__ import annotations

import hashlib

from backend.domain.intake.alert import DedupeKey, NotUnderstood, ParsedAlert
from backend.values import format_instant

BYTES_WINDOW_S = 60


def dedupe_key(parsed: ParsedAlert | NotUnderstood, body: bytes) -> DedupeKey:
    """Return the key of an alert within its source: a new token does not make old alerts new."""
    if isinstance(parsed, ParsedAlert):
        if parsed.alert_id is not None:
            return DedupeKey("id", _digest("id", parsed.alert_id))
        if parsed.source_time is not None:
            return DedupeKey("time", _time_digest(parsed, format_instant(parsed.source_time)))
    return DedupeKey("bytes", hashlib.sha256(body).hexdigest())


def _time_digest(parsed: ParsedAlert, instant: str) -> str:
    return _digest(
        "time",
        instant,
        parsed.symbol_raw,
        parsed.exchange or "",
        parsed.side.value,
        parsed.timeframe or "",
        parsed.strategy_code or "",
        parsed.order_name or "",
        "" if parsed.sequence is None else str(parsed.sequence),
    )


def _digest(*parts: str) -> str:
    # Lengths in front of the parts: no two different lists of parts can hash the same bytes.
    framed = b"".join(
        str(len(encoded)).encode() + b":" + encoded
        for encoded in (part.encode("utf-8", "replace") for part in parts)
    )
    return hashlib.sha256(framed).hexdigest()
