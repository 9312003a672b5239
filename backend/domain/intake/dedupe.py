"""What makes two posts one alert. TradingView sends no unique id and resends on failure.

Kinds, strongest first: an id of the sender's own; the source's time together with symbol,
side, strategy and order name; else the bytes themselves, which count only for a minute.
"""

from __future__ import annotations

import hashlib
import re

from backend.domain.intake.alert import DedupeKey, NotUnderstood, ParsedAlert
from backend.values import format_instant

BYTES_WINDOW_S = 60

_ORDER_NAME = re.compile(
    r"(?:enter|entry|exit|close|open|buy|sell|long|short|tp|sl|le|se|order)"
    r"[\s_\-]*(?:long|short|buy|sell|entry|exit|le|se)?[\s_\-]*\d{0,2}",
    re.IGNORECASE,
)


def dedupe_key(parsed: ParsedAlert | NotUnderstood, body: bytes) -> DedupeKey:
    """Return the key of an alert within its source: a new token does not make old alerts new."""
    if isinstance(parsed, ParsedAlert):
        if parsed.alert_id is not None and is_identifying(parsed.alert_id):
            return DedupeKey("id", _digest("id", parsed.alert_id))
        if parsed.source_time is not None:
            return DedupeKey(
                "time",
                _digest(
                    "time",
                    format_instant(parsed.source_time),
                    parsed.symbol_raw,
                    parsed.side.value,
                    parsed.timeframe or "",
                    parsed.strategy_code or "",
                    parsed.order_name or parsed.alert_id or "",
                ),
            )
    return DedupeKey("bytes", hashlib.sha256(body).hexdigest())


def is_identifying(alert_id: str) -> bool:
    """Say whether an id can name one alert for ever.

    Many scripts fill `id` with `{{strategy.order.id}}`, which is the order's name ("Long",
    "Short 2") and comes again with the next trade: taking it for an id would drop trades.
    """
    if not any(character.isdigit() for character in alert_id):
        return False
    return _ORDER_NAME.fullmatch(alert_id.strip()) is None


def _digest(*parts: str) -> str:
    # Lengths in front of the parts: no two different lists of parts can hash the same bytes.
    framed = b"".join(
        str(len(encoded)).encode() + b":" + encoded
        for encoded in (part.encode("utf-8", "replace") for part in parts)
    )
    return hashlib.sha256(framed).hexdigest()
